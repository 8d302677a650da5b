// @ts-check
import { createServer } from 'node:http';
import { Webhook } from 'standardwebhooks';
import { Problem } from '../launcher/problem.mjs';

/** @typedef {{ type: string, data: Record<string, any> }} Verified */

/** A partner's system: takes webhooks on the loopback interface and believes only those whose signature is right. */
export class Partner {
  /** @type {Verified[]} */
  events = [];
  #server = createServer((request, response) => void this.#take(request, response));
  /** Calls that came before we knew the secret. @type {{ body: string, headers: Record<string, string> }[]} */
  #early = [];
  /** @type {Webhook | undefined} */
  #verifier;
  /** @type {Error | undefined} */
  #forged;

  /** @returns {Promise<string>} the URL to subscribe */
  async listen() {
    await new Promise((resolve) => this.#server.listen(0, '127.0.0.1', () => resolve(undefined)));
    return `http://127.0.0.1:${/** @type {import('node:net').AddressInfo} */ (this.#server.address()).port}/soko`;
  }

  /** @param {string} secret */
  trust(secret) {
    this.#verifier = new Webhook(secret);
    for (const { body, headers } of this.#early.splice(0)) this.#verify(body, headers);
  }

  /** The first event of a type for which `test` holds. @param {string} type @param {(data: Record<string, any>) => boolean} test */
  find(type, test) {
    if (this.#forged) throw new Problem(`a webhook's signature is wrong: ${this.#forged.message}`);
    return this.events.find((event) => event.type === type && test(event.data));
  }

  close() {
    this.#server.close();
    this.#server.closeAllConnections();
  }

  /** @param {import('node:http').IncomingMessage} request @param {import('node:http').ServerResponse} response */
  async #take(request, response) {
    const chunks = [];
    for await (const chunk of request) chunks.push(chunk);
    const call = { body: Buffer.concat(chunks).toString(), headers: /** @type {Record<string, string>} */ (request.headers) };
    if (this.#verifier) this.#verify(call.body, call.headers);
    else this.#early.push(call);
    response.end('ok');
  }

  /** @param {string} body @param {Record<string, string>} headers */
  #verify(body, headers) {
    try {
      this.events.push(/** @type {Verified} */ (this.#verifier?.verify(body, headers)));
    } catch (error) {
      this.#forged = /** @type {Error} */ (error);
    }
  }
}
