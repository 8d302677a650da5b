// @ts-check
import { rm } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { openDataDir } from './launcher/data-dir.mjs';
import { markGone } from './launcher/live.mjs';
import { isAlive } from './launcher/processes.mjs';
import { readSecrets } from './launcher/secrets.mjs';
import { ensureDatabase } from './postgres/client.mjs';
import { ensureCluster } from './postgres/cluster.mjs';
import { chooseHome } from './postgres/home.mjs';
import { endServer } from './postgres/pid-file.mjs';
import { launch, takeOver, wrongPassword } from './postgres/server.mjs';

/**
 * @typedef {object} EmbeddedPostgres
 * @property {string} url of the database `soko`, as its superuser
 * @property {number} port
 * @property {number} pid of the server now running: it is started again, on the same port, when it dies
 * @property {string} data the folder with the cluster
 * @property {(options?: { graceMs?: number }) => Promise<void>} stop
 * @property {() => Promise<void>} destroy stops it and removes its data: for tests
 */

/**
 * A real PostgreSQL 18 on the loopback interface, on a free port, with its data in `<dataDir>/postgres`.
 * @param {object} options
 * @param {string} options.dataDir made when missing; also holds `secrets.json` and `postgres.log`
 * @param {boolean} [options.durable] false only for tests: a power cut would corrupt the data
 * @param {(line: string) => void} [options.log]
 * @param {AbortSignal} [options.signal] gives the start up
 * @returns {Promise<EmbeddedPostgres>}
 */
export async function startPostgres({ dataDir, durable = true, log = () => undefined, signal }) {
  const folder = resolve(dataDir);
  await openDataDir(folder);
  const { postgresPassword: password } = await readSecrets(folder);
  const home = await chooseHome(folder, log);
  await ensureCluster(home, { password, durable, log, signal });
  const site = { home, logFile: join(folder, 'postgres.log'), password, durable, log };
  let running = (await takeOver(site)) ?? (await launch(site, { signal }));
  const stopping = new AbortController();
  /** @type {Promise<void> | undefined} */
  let stopped;
  /** @param {{ graceMs?: number }} [options] */
  const stop = async ({ graceMs = 8_000 } = {}) => {
    stopping.abort();
    await watching;
    await endServer(running.pid, graceMs);
    markGone(running.pid);
  };
  /** A server that was killed comes back where its clients look for it. */
  const watch = async () => {
    while (!stopping.signal.aborted) {
      await sleep(250, undefined, { signal: stopping.signal, ref: false }).catch(() => undefined);
      if (stopping.signal.aborted || isAlive(running.pid)) continue;
      markGone(running.pid);
      log('PostgreSQL ended unexpectedly: starting it again');
      try {
        running = await launch(site, { port: running.port, signal: stopping.signal });
      } catch (error) {
        if (!stopping.signal.aborted) log(/** @type {Error} */ (error).message);
        await sleep(2_000, undefined, { signal: stopping.signal, ref: false }).catch(() => undefined);
      }
    }
  };
  const watching = watch();
  /** @type {EmbeddedPostgres} */
  const postgres = {
    url: `postgres://postgres:${password}@127.0.0.1:${running.port}/soko`,
    port: running.port,
    data: home.data,
    get pid() {
      return running.pid;
    },
    stop: (options) => (stopped ??= stop(options)),
    destroy: async () => {
      await postgres.stop({ graceMs: 1_000 });
      await rm(home.data, { recursive: true, force: true });
      await rm(folder, { recursive: true, force: true });
    },
  };
  try {
    await ensureDatabase({ port: running.port, password });
  } catch (error) {
    await postgres.stop();
    throw /** @type {{ code?: string }} */ (error).code === '28P01' ? wrongPassword(home.data) : error;
  }
  return postgres;
}
