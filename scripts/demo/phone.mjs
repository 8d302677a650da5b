// @ts-check
import { randomInt } from 'node:crypto';
import { Problem } from '../launcher/problem.mjs';
import { wait } from './api.mjs';

/** @typedef {{ text: string, type: string, seq: number }} Received */

/** A customer's phone on the simulated network. */
export class Phone {
  number = `+26377${randomInt(1_000_000, 9_999_999)}`;
  #seen = 0;
  #api;
  #path;
  #timeline;

  /** @param {string} name @param {import('./api.mjs').Api} api @param {{ id: string }} channel @param {import('./timeline.mjs').Timeline} timeline */
  constructor(name, api, channel, timeline) {
    this.name = name;
    this.#api = api;
    this.#path = `/api/simulator/channels/${channel.id}`;
    this.#timeline = timeline;
  }

  /** @param {string} words */
  write(words) {
    return this.#send(`"${words}"`, { type: 'text', text: words });
  }

  /** @param {string} what is on the button @param {string} replyId */
  tap(what, replyId) {
    return this.#send(`taps "${what}"`, { type: 'button', replyId });
  }

  /** The next message, which must be what was expected. @param {string} what @param {RegExp} fits @returns {Promise<Received>} */
  async receive(what, fits) {
    const message = await wait(`${this.name}: ${what}`, async () => {
      const { data } = await this.#api(
        'GET',
        `${this.#path}/phones/${encodeURIComponent(this.number)}/messages?after=${this.#seen}`,
      );
      return data[0];
    });
    if (!fits.test(message.text)) throw new Problem(`${this.name} expected ${what} and got: ${message.text}`);
    this.#seen = message.seq;
    this.#timeline.note('bot', `to ${this.name}: ${message.text.replace(/\s*\n\s*/g, ' / ')}`);
    return message;
  }

  /** @param {string} words @param {object} message */
  async #send(words, message) {
    await this.#api('POST', `${this.#path}/messages`, { from: this.number, name: this.name, ...message });
    this.#timeline.note(this.name, words);
  }
}
