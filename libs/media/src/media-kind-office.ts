import { compoundNames, OddCompoundError } from './media-kind-compound.js';
import { OddZipError, storedBytes, withFile, type ZipEntry, zipEntries } from './media-kind-zip.js';
import { UnsupportedMediaError } from './media.errors.js';

const OPEN = 'application/vnd.openxmlformats-officedocument.';
const ODF = 'application/vnd.oasis.opendocument.';

/** The old container holds all three, and tells them apart by the names of what is in it. */
export const OLD_OFFICE: Record<string, string> = {
  doc: 'application/msword',
  xls: 'application/vnd.ms-excel',
  ppt: 'application/vnd.ms-powerpoint',
};
export const NEW_OFFICE: Record<string, string> = {
  docx: `${OPEN}wordprocessingml.document`,
  xlsx: `${OPEN}spreadsheetml.sheet`,
  pptx: `${OPEN}presentationml.presentation`,
  odt: `${ODF}text`,
  ods: `${ODF}spreadsheet`,
  odp: `${ODF}presentation`,
};

const MACROS = 'Office files with macros are not taken, as macros are programs. Save it without macros and send it again.';
const LOCKED = 'The file is locked with a password, so nobody can look into it. Save it without one and send it again.';
const ARCHIVE = 'Archives are not taken. Unpack it and send what is in it, one file after the other.';

/**
 * What an archive is, by what is in it, wherever in the file its telling entries come.
 * @throws UnsupportedMediaError for everything but office files, and for those with macros or programs
 */
export async function officeTypes(path: string): Promise<string[]> {
  return withFile(path, async (file) => {
    try {
      const entries = await zipEntries(file);
      const type = (await openDocumentType(entries, (entry) => storedBytes(file, entry))) ?? openXmlType(entries);
      if (!type) throw new UnsupportedMediaError(ARCHIVE);
      refusePrograms(entries.map(({ name }) => name));
      return [type];
    } catch (error) {
      if (!(error instanceof OddZipError)) throw error;
      throw new UnsupportedMediaError(
        `It looks like an office file or an archive, but ${error.message}. Save it again and send it once more.`,
      );
    }
  });
}

/** An OpenDocument says what it is in its first entry, which is not compressed. */
async function openDocumentType(entries: ZipEntry[], read: (entry: ZipEntry) => Promise<Buffer>): Promise<string | undefined> {
  const first = entries.find(({ at }) => at === 0)!;
  if (first.name !== 'mimetype') return undefined;
  const type = (await read(first)).toString();
  return type.startsWith(ODF) && Object.values(NEW_OFFICE).includes(type) ? type : undefined;
}

/** In one of these folders lies the document itself; what is embedded in it lies below. */
const FOLDERS = [
  ['word/', NEW_OFFICE.docx!],
  ['xl/', NEW_OFFICE.xlsx!],
  ['ppt/', NEW_OFFICE.pptx!],
] as const;

function openXmlType(entries: ZipEntry[]): string | undefined {
  if (!entries.some(({ name }) => name === '[Content_Types].xml')) return undefined;
  const found = FOLDERS.filter(([folder]) => entries.some(({ name }) => name.startsWith(folder)));
  return found.length === 1 ? found[0]![1] : undefined;
}

function refusePrograms(names: string[]): void {
  if (names.some((name) => /vbaProject|^xl\/macrosheets\/|^(?:basic|scripts)\//i.test(name)))
    throw new UnsupportedMediaError(MACROS);
  const program = names.find((name) =>
    /\.(?:exe|dll|com|scr|msi|bat|cmd|ps1|vbs|js|jse|wsf|hta|lnk|jar|class|dex|apk|sh)$|^META-INF\/MANIFEST\.MF$|\.\.[/\\]|^[/\\]/i.test(
      name,
    ),
  );
  if (program)
    throw new UnsupportedMediaError(`There is something in the office file that has no place there (${program.slice(-60)}).`);
}

/**
 * What an old office file may be, by the names of what is in it.
 * @throws UnsupportedMediaError for installers, mails and everything else in the same container, and for files with macros
 */
export async function oldOfficeTypes(path: string): Promise<string[]> {
  const names = await withFile(path, async (file) => {
    try {
      return await compoundNames(file);
    } catch (error) {
      if (!(error instanceof OddCompoundError)) throw error;
      throw new UnsupportedMediaError(
        `It looks like an old office file, but ${error.message}. Save it again and send it once more.`,
      );
    }
  });
  // An installer's tables have names that begin with this sign.
  if ([...names].some((name) => name.startsWith('\u4840'))) throw new UnsupportedMediaError('Installers are not taken.');
  if (names.has('EncryptedPackage')) throw new UnsupportedMediaError(LOCKED);
  if (['_VBA_PROJECT', '_VBA_PROJECT_CUR', 'VBA'].some((name) => names.has(name))) throw new UnsupportedMediaError(MACROS);
  if (names.has('WordDocument')) return [OLD_OFFICE.doc!];
  if (names.has('Workbook') || names.has('Book')) return [OLD_OFFICE.xls!];
  if (names.has('PowerPoint Document')) return [OLD_OFFICE.ppt!];
  throw new UnsupportedMediaError('The file is no Word, Excel or PowerPoint document, though it is kept like one.');
}
