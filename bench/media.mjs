// @ts-check
// `npm run bench:media`: 12-megapixel JPEGs through the real worker to all three sizes, beside bare loops of sharp with the same outputs in the
// same run; how late the api's event loop is meanwhile; and what the upload of a 50 MB video does to the api's memory.
// BENCH_PICTURES, BENCH_ROUNDS. The machine should have nothing else to do: its load is printed.
import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdtemp, open, readFile, rm, writeFile } from 'node:fs/promises';
import { request } from 'node:http';
import { loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { promisify } from 'node:util';
import sharp from 'sharp';
import { ROOT } from '../scripts/launcher/paths.mjs';
import { residentMb, spread, startBenchStack, until } from './support.mjs';

const PICTURES = Number(process.env.BENCH_PICTURES ?? 40);
const ROUNDS = Number(process.env.BENCH_ROUNDS ?? 3);
const [WIDTH, HEIGHT] = [4_000, 3_000];
const MOTIFS = 4;
const VIDEO_BYTES = 50_000_000;
const WANTED = { ratio: 0.85, p99: 20, megabytes: 20 };

const run = promisify(execFile);
const folder = await mkdtemp(join(tmpdir(), 'soko-bench-media-'));
const loopFile = join(folder, 'loop.json');
console.log(
  `load of the machine before: ${loadavg()
    .map((each) => each.toFixed(1))
    .join(' ')}`,
);
const motifs = await Promise.all(Array.from({ length: MOTIFS }, (_, n) => photo(join(folder, `${n}.jpg`))));
const bench = await startBenchStack({
  RATE_LIMIT_STANDARD_UPLOADS: '1000000',
  RATE_LIMIT_TRIAL_API: '1000000',
  RATE_LIMIT_TRIAL_UPLOADS: '1000000',
  NODE_OPTIONS: `--import ${join(ROOT, 'bench/loop-delay.mjs')}`,
  BENCH_LOOP_APP: 'dist/apps/api/',
  BENCH_LOOP_FILE: loopFile,
});
const { api: apiProcess, worker } = bench.stack.children;
/** @type {string[]} */
const missed = [];
try {
  const token = await signUp();
  await pictures(token);
  await video(token);
  console.log(
    `load of the machine after: ${loadavg()
      .map((each) => each.toFixed(1))
      .join(' ')}`,
  );
  console.log(
    `wanted: at least ${WANTED.ratio} of the quickest bare loop, p99 of the api's event loop below ${WANTED.p99} ms, less than ${WANTED.megabytes} MB more`,
  );
  if (missed.length > 0) {
    console.log(`missed: ${missed.join(', ')}`);
    process.exitCode = 1;
  }
} finally {
  if (process.env.BENCH_LOGS) console.log(bench.lines.join('\n'));
  await bench.stop();
  await rm(folder, { recursive: true, force: true });
}

/** A new merchant's token. @returns {Promise<string>} */
async function signUp() {
  const body = { email: 'media@example.com', password: 'correct-horse', name: 'Bench', merchant: { name: 'Bench' } };
  const answer = await fetch(`${bench.stack.url}/api/auth/register`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
  });
  const session = /** @type {{ accessToken: string }} */ (await answer.json());
  return session.accessToken;
}

/** @param {number[]} values */
function middle(values) {
  return values.toSorted((a, b) => a - b)[values.length >> 1] ?? NaN;
}

/** In turn, so that whatever the machine does meanwhile hits all alike. @param {string} token */
async function pictures(token) {
  /** @type {{ three: number, one: number, soko: number, p50: number, p99: number, max: number }[]} */
  const rounds = [];
  for (let round = 0; round < ROUNDS; round += 1) {
    const [three, one] = [await bare('three'), await bare('one decode')];
    const { perSecond, loop } = await throughWorker(token);
    rounds.push({ three, one, soko: perSecond, ...loop });
    console.log(
      `12 megapixels, per second: bare, each size from the file ${three.toFixed(2)}  bare, one decode ${one.toFixed(2)}  soko ${perSecond.toFixed(2)}` +
        `  ratios ${(perSecond / three).toFixed(2)} ${(perSecond / one).toFixed(2)}` +
        `  | api's event loop meanwhile, ms: p50 ${loop.p50.toFixed(1)} p99 ${loop.p99.toFixed(1)} max ${loop.max.toFixed(1)}`,
    );
  }
  const ratio = middle(rounds.map(({ soko, one }) => soko / one));
  const p99 = middle(rounds.map((each) => each.p99));
  console.log(
    `in the middle: ratio ${ratio.toFixed(2)}, p99 ${p99.toFixed(1)} ms; worker ${(await residentMb(worker.pid ?? 0)).toFixed(0)} MB`,
  );
  if (ratio < WANTED.ratio) missed.push('the ratio');
  if (p99 >= WANTED.p99) missed.push('the event loop');
}

/** @param {'three' | 'one decode'} way */
async function bare(way) {
  const args = [join(ROOT, 'bench/bare-sharp.mjs'), way, String(PICTURES), join(folder, 'bare'), ...motifs];
  return Number((await run(process.execPath, args)).stdout);
}

/** Pictures wait for a worker that is stopped, so that nothing but its work is measured. @param {string} token */
async function throughWorker(token) {
  await worker.stop();
  await spread(PICTURES, 4, async (n) => {
    const bytes = await readFile(motifs[n % MOTIFS] ?? '');
    // Behind its end a picture may have anything: so they are different files.
    const file = join(folder, `upload-${n}.jpg`);
    await writeFile(file, Buffer.concat([bytes, randomBytes(16)]));
    await upload(token, file, bytes.length + 16, 'image/jpeg', 'a.jpg');
    await rm(file);
  });
  await loopDelay();
  void worker.start();
  // Dashboards that are open.
  const dashboard = setInterval(
    () =>
      void fetch(`${bench.stack.url}/api/media?limit=20`, { headers: { authorization: `Bearer ${token}` } }).then((answer) =>
        answer.text(),
      ),
    500,
  );
  await until(
    'all pictures',
    async () => {
      const { rows } = await bench.db.query(
        `SELECT 1 FROM media_blobs WHERE status NOT IN ('ready', 'failed') AND mime_type = 'image/jpeg' LIMIT 1`,
      );
      return rows.length === 0;
    },
    600_000,
  ).finally(() => clearInterval(dashboard));
  const loop = await loopDelay();
  const { rows } = await bench.db.query(
    `SELECT extract(epoch FROM touched_at)::float8 AS at, status FROM media_blobs WHERE mime_type = 'image/jpeg' ORDER BY created_at DESC LIMIT $1`,
    [PICTURES],
  );
  if (rows.some(({ status }) => status !== 'ready')) throw new Error('not all pictures are ready');
  const times = rows.map(({ at }) => at).toSorted((a, b) => a - b);
  // From the second on: the first ones load the library.
  return { perSecond: (times.length - 2) / (times.at(-1) - times[1]), loop };
}

/** What the api's loop was late by since it was asked last. @returns {Promise<{ p50: number, p99: number, max: number }>} */
async function loopDelay() {
  await rm(loopFile, { force: true });
  process.kill(apiProcess.pid ?? 0, 'SIGUSR2');
  return until("the api's figures", () => readFile(loopFile, 'utf8').then(JSON.parse, () => undefined));
}

/** @param {string} token */
async function video(token) {
  const file = join(folder, 'video.mp4');
  const head = Buffer.alloc(32);
  head.writeUInt32BE(24, 0);
  head.write('ftypisom', 4);
  head.writeUInt32BE(VIDEO_BYTES - 24, 24);
  head.write('mdat', 28);
  const target = await open(file, 'w');
  await target.write(head);
  await target.truncate(VIDEO_BYTES);
  await target.close();
  // Something small first: what an upload loads is there then.
  await upload(token, motifs[0] ?? '', (await readFile(motifs[0] ?? '')).length, 'image/jpeg', 'a.jpg');
  await pause(2_000);
  const rises = [];
  for (let round = 0; round < ROUNDS; round += 1) {
    const before = await residentMb(apiProcess.pid ?? 0);
    let highest = before;
    const look = async () => {
      highest = Math.max(highest, await residentMb(apiProcess.pid ?? 0));
    };
    const watching = setInterval(() => void look(), 5);
    // Other bytes, so that they are stored once more.
    const changed = await open(file, 'r+');
    await changed.write(randomBytes(16), 0, 16, 1_000);
    await changed.close();
    const started = performance.now();
    await upload(token, file, VIDEO_BYTES, 'video/mp4', 'a.mp4');
    const seconds = (performance.now() - started) / 1_000;
    clearInterval(watching);
    await look();
    rises.push(highest - before);
    console.log(
      `video of 50 MB in ${seconds.toFixed(1)} s: the api's memory ${before.toFixed(0)} -> at most ${highest.toFixed(0)} MB, ${(highest - before).toFixed(1)} MB more`,
    );
  }
  if (Math.max(...rises) >= WANTED.megabytes) missed.push("the api's memory");
}

/** As a form, streamed from the disk. @param {string} token @param {string} file @param {number} size @param {string} type @param {string} name */
async function upload(token, file, size, type, name) {
  const boundary = 'soko-bench';
  const head = `--${boundary}\r\ncontent-disposition: form-data; name="file"; filename="${name}"\r\ncontent-type: ${type}\r\n\r\n`;
  const tail = `\r\n--${boundary}--\r\n`;
  const source = await open(file);
  const sending = request(`${bench.stack.url}/api/media/upload`, {
    method: 'POST',
    headers: {
      authorization: `Bearer ${token}`,
      'content-type': `multipart/form-data; boundary=${boundary}`,
      'content-length': head.length + size + tail.length,
    },
  });
  /** @type {Promise<import('node:http').IncomingMessage>} */
  const answered = new Promise((resolve, reject) => sending.once('response', resolve).once('error', reject));
  sending.write(head);
  const bytes = source.createReadStream();
  bytes.pipe(sending, { end: false });
  bytes.once('end', () => sending.end(tail));
  const answer = await answered;
  let text = '';
  for await (const chunk of answer) text += chunk;
  if (answer.statusCode !== 201) throw new Error(`upload: ${answer.statusCode} ${text}`);
}

/** Large shapes, small ones, and grain: as hard to decode as a photo of a camera. @param {string} file */
async function photo(file) {
  const layer = (/** @type {number} */ scale, /** @type {number} */ sigma) =>
    sharp({
      create: {
        width: Math.ceil(WIDTH / scale),
        height: Math.ceil(HEIGHT / scale),
        channels: 3,
        background: '#000',
        noise: { type: 'gaussian', mean: 128, sigma },
      },
    })
      .resize(WIDTH, HEIGHT, { fit: 'fill', kernel: 'cubic' })
      .raw()
      .toBuffer();
  const layers = await Promise.all([layer(16, 60), layer(4, 25), layer(1, 4)]);
  const pixels = new Uint8ClampedArray(WIDTH * HEIGHT * 3);
  for (let n = 0; n < pixels.length; n += 1) pixels[n] = layers.reduce((sum, each) => sum + (each[n] ?? 0), -256);
  await sharp(pixels, { raw: { width: WIDTH, height: HEIGHT, channels: 3 } })
    .jpeg({ quality: 85 })
    .toFile(file);
  return file;
}
