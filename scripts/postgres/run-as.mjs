// @ts-check
import { execFileSync, spawnSync } from 'node:child_process';
import { Problem } from '../launcher/problem.mjs';

/** @typedef {{ uid: number, gid: number }} Identity */

export const isRoot = () => process.getuid?.() === 0;

/** @param {string} name @returns {Identity | undefined} */
function lookUp(name) {
  try {
    /** @param {string} flag */
    const id = (flag) => Number(execFileSync('id', [flag, name], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }));
    return { uid: id('-u'), gid: id('-g') };
  } catch {
    return undefined;
  }
}

/** PostgreSQL refuses to run as root. @returns {Identity} the user it runs as then, made when missing */
export function postgresUser() {
  const found = lookUp('postgres') ?? lookUp('_postgres');
  if (found) return found;
  const ways = [
    [
      'useradd',
      '--system',
      '--user-group',
      '--no-create-home',
      '--home-dir',
      '/nonexistent',
      '--shell',
      '/bin/false',
      'postgres',
    ],
    // In case the group is there without its user.
    ['useradd', '--system', '--gid', 'postgres', '--no-create-home', '--shell', '/bin/false', 'postgres'],
    // BusyBox.
    ['adduser', '-S', '-D', '-H', '-s', '/bin/false', 'postgres'],
  ];
  for (const [command = '', ...args] of ways) {
    // An empty environment may have a PATH without the folders of the system tools.
    const env = { ...process.env, PATH: `${process.env.PATH ?? ''}:/usr/sbin:/sbin:/usr/bin:/bin` };
    if (spawnSync(command, args, { env, stdio: 'ignore' }).status === 0) break;
  }
  const made = lookUp('postgres');
  if (!made)
    throw new Problem(
      'PostgreSQL cannot run as root and the user "postgres" could not be made: start as another user, or set DATABASE_URL',
    );
  return made;
}

/** Whether that user can do what the shell test says; tried for real, since modes, mounts and ACLs all have a say. @param {Identity} as @param {string} test @param {string[]} args */
function can(as, test, args) {
  return (
    spawnSync('/bin/sh', ['-c', test, 'sh', ...args], { uid: as.uid, gid: as.gid, cwd: '/', env: {}, stdio: 'ignore' }).status ===
    0
  );
}

/** @param {Identity} as @param {string} folder */
export const canWrite = (as, folder) => can(as, 'cd "$1" && test -r . && test -w .', [folder]);

/** @param {Identity} as @param {string} binaries */
export const canExecute = (as, binaries) =>
  can(as, '"$1/bin/postgres" --version && "$1/bin/initdb" --version && test -r "$1/share/postgresql/postgres.bki"', [binaries]);
