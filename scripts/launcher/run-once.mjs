// @ts-check
import { spawn } from 'node:child_process';
import { markGone, markLive } from './live.mjs';
import { Problem } from './problem.mjs';
import { signalTo } from './processes.mjs';

/**
 * Runs a command to its end and keeps what it said.
 * @param {string} command
 * @param {string[]} args
 * @param {{ cwd: string, env: NodeJS.ProcessEnv, uid?: number, gid?: number, signal?: AbortSignal }} options
 * @returns {Promise<{ code: number | null, stderr: string, output: string }>} `output` is both streams, in the order in which they came
 */
export function runOnce(command, args, { signal, ...options }) {
  return new Promise((resolve, reject) => {
    signal?.throwIfAborted();
    // Detached: a Ctrl-C at the terminal reaches us only, and we end the child (with its own children) through the abort signal.
    const child = spawn(command, args, { ...options, stdio: ['ignore', 'pipe', 'pipe'], detached: true });
    let output = '';
    let stderr = '';
    child.stdout.on('data', (chunk) => (output += chunk));
    child.stderr.on('data', (chunk) => {
      output += chunk;
      stderr += chunk;
    });
    const pid = child.pid;
    const onAbort = () => pid && (signalTo(-pid, 'SIGKILL') || signalTo(pid, 'SIGKILL'));
    if (pid) markLive(pid);
    signal?.addEventListener('abort', onAbort, { once: true });
    const done = () => {
      if (pid) markGone(pid);
      signal?.removeEventListener('abort', onAbort);
    };
    child.once('error', (error) => {
      done();
      reject(new Problem(`cannot run ${command}: ${error.message}`));
    });
    child.once('close', (code) => {
      done();
      if (signal?.aborted) reject(signal.reason);
      else resolve({ code, stderr, output });
    });
  });
}
