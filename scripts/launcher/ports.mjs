// @ts-check
import { createServer } from 'node:net';
import { Problem } from './problem.mjs';

/** @param {number} port 0 for any @param {string} host @returns {Promise<number>} the port that could be had a moment ago */
function tryPort(port, host) {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', reject);
    server.listen({ port, host, exclusive: true }, () => {
      const address = server.address();
      server.close(() => resolve(address && typeof address === 'object' ? address.port : port));
    });
  });
}

export const freePort = (host = '127.0.0.1') => tryPort(0, host);

/** @param {number} port @param {string} host */
export async function assertPortFree(port, host) {
  try {
    await tryPort(port, host);
  } catch (error) {
    const { code } = /** @type {NodeJS.ErrnoException} */ (error);
    if (code === 'EADDRINUSE') {
      throw new Problem(
        `Port ${port} is taken by another program: end that one, or choose another port, as in PORT=${nextPort(port)} npm start`,
      );
    }
    if (code === 'EACCES')
      throw new Problem(`Port ${port} is not open to this user: choose one above 1023, as in PORT=3000 npm start`);
    throw new Problem(`Cannot listen on ${host}:${port} (${code}): check HOST and PORT`);
  }
}

/** @param {number} port */
const nextPort = (port) => (port < 65_535 ? port + 1 : 3000);
