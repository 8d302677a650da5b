import { brokenPictures, oddPictures, plain } from './hostile-files-pictures.js';
import { compound, EXCEL, ODS, SLIDES, WORD, zip } from './hostile-files-archives.js';
import type { Declared } from './media-kind.js';

type Refusal = 'media_type_not_supported' | 'media_type_mismatch' | 'media_too_large' | 'media_not_readable';

export interface HostileFile {
  name: string;
  bytes: Buffer;
  declared: Declared;
  /** `ready`; `failed`, when it is looked into; or the code of the error with which it is refused at once. */
  becomes: 'ready' | 'failed' | Refusal;
  /** What the merchant is told. */
  reason?: RegExp;
}

const text = (value: string): Buffer => Buffer.from(value, 'latin1');
const hex = (value: string): Buffer => Buffer.from(value, 'hex');
const padded = (...marks: (Buffer | string)[]): Buffer =>
  Buffer.concat([...marks.map((mark) => (typeof mark === 'string' ? text(mark) : mark)), Buffer.alloc(400)]);
const box = (brand: string): Buffer => padded(hex('00000018'), `ftyp${brand}\0\0\0\0${brand}mif1`);

const file = (
  name: string,
  bytes: Buffer,
  becomes: HostileFile['becomes'],
  declared: Declared = {},
  reason?: RegExp,
): HostileFile => ({
  name,
  bytes,
  declared,
  becomes,
  ...(reason ? { reason } : {}),
});
const wrong = (name: string, bytes: Buffer, reason: RegExp, declared?: Declared): HostileFile =>
  file(name, bytes, 'media_type_not_supported', declared, reason);
const other = (name: string, bytes: Buffer, declared: Declared): HostileFile =>
  file(name, bytes, 'media_type_mismatch', declared, /declared as/);
const fine = (name: string, bytes: Buffer, declared?: Declared): HostileFile => file(name, bytes, 'ready', declared);

/** Files that are wrong, odd or meant to harm, with what has to become of each. */
export async function hostileFiles(): Promise<HostileFile[]> {
  return [
    ...nothing(),
    ...programs(),
    ...markup(),
    ...archives(),
    ...office(),
    ...formats(),
    ...(await names()),
    ...(await pictures()),
  ];
}

const nothing = (): HostileFile[] => [
  file('nothing', Buffer.alloc(0), 'media_not_readable', {}, /empty/),
  file('nothing called JPEG', Buffer.alloc(0), 'media_not_readable', { mimeType: 'image/jpeg' }, /empty/),
  wrong('zeros', Buffer.alloc(100), /no type that is taken/),
  wrong('one byte', hex('ff'), /no type that is taken/),
];

const programs = (): HostileFile[] => [
  wrong('ELF', padded('\x7fELF\x02\x01\x01'), /elf/),
  wrong('ELF called JPEG', padded('\x7fELF\x02\x01\x01'), /elf/, { filename: 'a.jpg', mimeType: 'image/jpeg' }),
  wrong('PE', padded('MZ'), /exe/, { filename: 'a.pdf' }),
  wrong('Mach-O', padded(hex('cffaedfe')), /macho/),
  wrong('a class of Java', padded(hex('cafebabe0000003d')), /class|no type/),
  wrong('WebAssembly', padded(hex('0061736d01000000')), /wasm/),
  wrong('a shortcut of Windows', padded(hex('4c0000000114020000000000c000000000000046')), /lnk/),
  wrong('a shell script', text('#!/bin/sh\nrm -rf /\n'), /Scripts/, { filename: 'a.txt' }),
  wrong('a shell script behind a BOM', text('\xef\xbb\xbf#!/bin/sh\n'), /Scripts/),
  other('a batch file', text('@echo off\r\ndel *.*'), { filename: 'a.bat' }),
  other('JavaScript', text('alert(1)'), { filename: 'a.js' }),
  other('JavaScript by its type', text('alert(1)'), { mimeType: 'text/javascript' }),
  wrong('an installer', compound(['\u4840\u3f7f', 'WordDocument']), /Installers/),
  wrong('an installer called Word', compound(['\u4840\u3f7f', 'WordDocument']), /Installers/, { filename: 'a.doc' }),
  wrong('Flash', padded('CWS\x0a'), /swf/),
];

const markup = (): HostileFile[] => [
  wrong('SVG', text('<svg xmlns="http://www.w3.org/2000/svg" onload="alert(1)"/>'), /SVG|svg|xml/),
  wrong('SVG called PNG', text('<svg xmlns="http://www.w3.org/2000/svg"/>'), /SVG|svg/, {
    mimeType: 'image/png',
    filename: 'a.png',
  }),
  wrong('SVG behind XML', text('<?xml version="1.0"?><svg/>'), /xml|SVG/),
  wrong('SVG with a prefix', text(' <x:svg xmlns:x="http://www.w3.org/2000/svg"/>'), /SVG/),
  wrong('HTML', text('<!DOCTYPE html><html><script>alert(1)</script>'), /HTML/),
  wrong('HTML called text', text('hello <script>alert(1)</script>'), /HTML/, { filename: 'a.txt' }),
  wrong('HTML behind a BOM', text('\xef\xbb\xbf<html>'), /HTML|xml/),
  wrong('HTML behind 100 kB of text', text(`${'maize '.repeat(17_000)}<iframe src=x>`), /HTML/, { filename: 'a.txt' }),
  wrong('HTML on the border of what is read', text(`${'a'.repeat(65_533)}<script>${'b'.repeat(70_000)}`), /HTML/),
  wrong('HTML in UTF-16', Buffer.from('\ufeff<html><script>alert(1)</script>', 'utf16le'), /not taken/),
  wrong('XML with entities', text('<!DOCTYPE a [<!ENTITY b "bbbb">]>'), /HTML/),
  wrong('PHP', text('<?php system($_GET[0]);'), /HTML/, { filename: 'a.txt' }),
  wrong('text with NUL', text('a,b\0c'), /no text in UTF-8/, { filename: 'a.csv' }),
  wrong('text in Latin-1', text('caf\xe9,1'), /Save a text or a table as UTF-8/, { filename: 'a.csv' }),
  wrong('text that ends in half a letter', text(`caf\xc3`), /UTF-8/, { filename: 'a.txt' }),
  wrong('a program behind 100 kB of text', Buffer.concat([Buffer.alloc(100_000, 'a '), padded('MZ')]), /UTF-8/, {
    filename: 'a.txt',
  }),
  wrong('RTF', text('{\\rtf1 hello}'), /rtf/),
  wrong('PostScript', text('%!PS-Adobe-3.0\n'), /ps/),
  fine('text that begins like a bitmap', text('BMW,Audi\n1,2\n'), { filename: 'cars.csv' }),
  fine('text that begins like a picture', text('GIF vouchers: 10\n')),
  fine('a table as Windows calls it', text('sku,price\n'), { filename: 'p.csv', mimeType: 'application/vnd.ms-excel' }),
];

const archives = (): HostileFile[] => [
  wrong('ZIP', zip({ 'a.txt': 'hello' }), /Archives are not taken/),
  wrong('ZIP of nothing', padded('PK\x05\x06'), /zip|no type/),
  wrong('a beginning of a ZIP', padded('PK\x03\x04'), /no end/),
  wrong('a beginning of a ZIP called DOCX', padded('PK\x03\x04'), /no end/, { filename: 'a.docx' }),
  wrong('JAR', zip({ 'META-INF/MANIFEST.MF': 'Main-Class: A', 'A.class': 'x' }), /Archives/),
  wrong('APK', zip({ 'AndroidManifest.xml': 'x', 'classes.dex': 'x' }), /Archives/),
  wrong('a book', zip({ mimetype: 'application/epub+zip', 'a.xhtml': 'x' }), /Archives/),
  wrong('GZIP', hex('1f8b0800000000000003'), /gz/),
  wrong('7z', padded(hex('377abcaf271c')), /7z/),
  wrong('RAR', padded('Rar!\x1a\x07\x01\0'), /rar/),
  wrong('XZ', padded(hex('fd377a585a00')), /xz/),
  wrong('BZIP2', padded('BZh9'), /bz2/),
  wrong('a cabinet', padded('MSCF'), /cab/),
  wrong('a disk', Buffer.concat([Buffer.alloc(257), padded('ustar\x0000')]), /tar|no type/),
];

const office = (): HostileFile[] => [
  fine('DOCX', zip(WORD), { filename: 'a.docx' }),
  fine('XLSX by its bytes', zip(EXCEL), { mimeType: 'application/octet-stream' }),
  fine('PPTX', zip(SLIDES), { filename: 'a.pptx' }),
  fine('ODS', zip(ODS), { filename: 'a.ods' }),
  fine('DOCX that tells what it is behind 200 kB', zip({ 'docProps/thumbnail.jpeg': Buffer.alloc(200_000, 1), ...WORD }), {
    filename: 'a.docx',
  }),
  fine('XLS', compound(['Workbook']), { filename: 'a.xls' }),
  fine('DOC in a directory of many', compound([...Array.from({ length: 400 }, (_, n) => `n${n}`), 'WordDocument']), {
    filename: 'a.doc',
  }),
  other('DOCX called XLSX', zip(WORD), { filename: 'a.xlsx' }),
  other('DOC called PPT', compound(['WordDocument']), { filename: 'a.ppt' }),
  other('DOCX called PDF', zip(WORD), { mimeType: 'application/pdf' }),
  other('DOCM by its name', zip({ ...WORD, 'word/vbaProject.bin': 'x' }), { filename: 'a.docm' }),
  wrong('DOCM called DOCX', zip({ ...WORD, 'word/vbaProject.bin': 'x' }), /macros/, { filename: 'a.docx' }),
  wrong('XLSX with old macros', zip({ ...EXCEL, 'xl/macrosheets/sheet1.xml': 'x' }), /macros/),
  wrong('ODS with macros', zip({ ...ODS, 'Basic/Standard/Module1.xml': 'x' }), /macros/),
  wrong('XLS with macros', compound(['Workbook', '_VBA_PROJECT_CUR', 'VBA']), /macros/),
  wrong('DOCX with a program in it', zip({ ...WORD, 'word/embeddings/setup.exe': 'MZ' }), /setup\.exe/),
  wrong('DOCX that is a JAR', zip({ ...WORD, 'META-INF/MANIFEST.MF': 'Main-Class: A' }), /MANIFEST/),
  wrong('DOCX that unpacks into other folders', zip({ ...WORD, '../../etc/cron.d/x': 'x' }), /no place/),
  wrong('DOCX that unpacks to 9 GB', zip(WORD, { claims: 3_000_000_000 }), /more than 1 GB/),
  wrong(
    'XLSX whose files share their bytes',
    zip({ ...EXCEL, big: Buffer.alloc(3_000), big2: Buffer.alloc(3_000) }, { claims: 1, shared: true }),
    /share|damaged|1 GB|packed|no place|no end|before/,
  ),
  wrong('DOCX behind something else', zip(WORD, { before: text('PK\x03\x04 hello') }), /stands before/),
  wrong('DOCX with something behind it', zip(WORD, { behind: text('<script>') }), /no end/),
  wrong('DOCX cut off', zip(WORD).subarray(0, -30), /no end/, { filename: 'a.docx' }),
  wrong('a file locked with a password', compound(['EncryptedPackage', 'EncryptionInfo']), /password/),
  wrong('a mail', compound(['__properties_version1.0']), /no Word, Excel or PowerPoint/),
  wrong('DOC whose directory goes in a circle', compound(['WordDocument'], true), /no end/),
  wrong('DOC cut off', compound(['WordDocument']).subarray(0, 600), /ends too early|odd/),
];

const formats = (): HostileFile[] => [
  wrong('GIF', text('GIF89a\x01\0\x01\0\0\0\0;'), /gif/),
  wrong('GIF that is a JAR', Buffer.concat([text('GIF89a\x01\0\x01\0\0\0\0;'), zip({ 'A.class': 'x' })]), /gif/),
  wrong('GIF called JPEG', text('GIF89a\x01\0\x01\0\0\0\0;'), /gif/, { filename: 'a.jpg' }),
  wrong('BMP', padded('BM\x8a\0\0\0'), /bmp/),
  wrong('TIFF', padded(hex('49492a0008000000')), /tif/),
  wrong('HEIC', box('heic'), /heic/),
  wrong('AVIF', box('avif'), /avif/),
  wrong('JPEG XL', padded(hex('ff0a')), /jxl/),
  wrong('JPEG 2000', padded(hex('0000000c6a5020200d0a870a'), hex('00000014667479706a703220')), /jp2/),
  wrong('Photoshop', padded('8BPS\0\x01'), /psd/),
  wrong('an icon', padded(hex('00000100')), /ico/),
  wrong('QuickTime', box('qt  '), /mov/),
  wrong('Matroska', padded(hex('1a45dfa3a34286810142f7810142f2810442f381084282886d6174726f736b61')), /mkv/),
  wrong('AVI', padded('RIFF\0\0\0\0AVI LIST'), /avi/),
  wrong('WAV', padded('RIFF\0\0\0\0WAVEfmt '), /wav/),
  wrong('FLAC', padded('fLaC'), /flac/),
  wrong('Ogg Vorbis', padded('OggS', Buffer.alloc(24), '\x01vorbis'), /ogg/),
  other('a PDF that begins late', text(`${'%'.repeat(500)}\n%PDF-1.7\n`), { filename: 'a.pdf' }),
  other('a PDF called PNG', text('%PDF-1.7\n'), { mimeType: 'image/png' }),
  fine('a PDF with a ZIP behind it', Buffer.concat([text('%PDF-1.7\n%\xe2\xe3\n'), zip({ 'a.txt': 'x' })]), {
    filename: 'a.pdf',
  }),
  fine('MP4 with HTML in it', Buffer.concat([box('isom'), text('<script>alert(1)</script>')]), { filename: 'a.mp4' }),
];

async function names(): Promise<HostileFile[]> {
  const [jpeg, png, webp] = await plain();
  return [
    other('PNG called JPEG', png, { mimeType: 'image/jpeg' }),
    other('JPEG called PDF', jpeg, { filename: 'a.pdf' }),
    other('JPEG called .jpg.exe', jpeg, { filename: 'a.jpg.exe' }),
    other('JPEG with NUL in its name', jpeg, { filename: 'a.php\0.jpg.php' }),
    other('JPEG whose name reads backwards', jpeg, { filename: 'a\u202egpj.exe' }),
    other('JPEG called program, with a space behind', jpeg, { filename: 'a.exe ' }),
    other('JPEG called program, with a dot behind', jpeg, { filename: 'a.exe.' }),
    other('JPEG called HTML', jpeg, { filename: 'a.html' }),
    other('PNG as a sticker', png, { kind: 'sticker' }),
    fine('WebP as a sticker', webp, { kind: 'sticker' }),
    fine('JPEG with a path for a name', jpeg, { filename: '../../../etc/passwd.jpg' }),
    fine('JPEG with a path of Windows for a name', jpeg, { filename: 'C:\\Windows\\System32\\a.jpg' }),
    fine('JPEG with lines in its name', jpeg, { filename: 'a\r\nSet-Cookie: x=1\r\n.jpg' }),
    fine('JPEG with a quote in its name', jpeg, { filename: 'a"; filename="b.jpg' }),
    fine('JPEG with dots for a name', jpeg, { filename: '.../..' }),
    fine('JPEG with a name of 5000 letters', jpeg, { filename: `${'a'.repeat(5_000)}.jpg` }),
    fine('JPEG with a number at the end of its name', jpeg, { filename: 'shelf 1.2' }),
  ];
}

async function pictures(): Promise<HostileFile[]> {
  const [jpeg] = await plain();
  return [
    file(
      'JPEG of 5 MB and a byte',
      Buffer.concat([jpeg, Buffer.alloc(5_000_001 - jpeg.length)]),
      'media_too_large',
      {},
      /larger than 5 MB/,
    ),
    ...Object.entries(await oddPictures()).map(([name, bytes]) => fine(name, bytes)),
    ...Object.entries(await brokenPictures()).map(([name, [bytes, reason]]) => file(name, bytes, 'failed', {}, reason)),
  ];
}
