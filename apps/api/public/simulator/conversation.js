// @ts-check
import { ApiError, call, newId } from './api.js';
import { load, newest, save } from './store.js';

/**
 * @typedef {{ id: string, title: string, description?: string }} Option
 * @typedef {{ latitude: number, longitude: number, name?: string, address?: string }} Location
 * @typedef {{ mediaId?: string, caption?: string, filename?: string, unavailable?: string }} Part
 * @typedef {{ kind: string, url: string, filename: string }} StoredFile
 * @typedef {{ header?: string, body: string, footer?: string, buttons: Option[] }} Buttons
 * @typedef {{ header?: string, body: string, footer?: string, button: string, sections: { title?: string, rows: Option[] }[] }} List
 * @typedef {{ type: string, text?: { body: string }, reply?: { id: string, title: string }, location?: Location, buttons?: Buttons, list?: List, image?: Part, video?: Part, audio?: Part, document?: Part, sticker?: Part, media?: { mediaId: string, caption?: string } }} Content
 * @typedef {{ waMessageId: string, seq: number, content: Content, text: string, media?: StoredFile, status: 'sent' | 'delivered' | 'read', receivedAt: string }} PhoneMessage
 * @typedef {{ id: string, direction: 'inbound' | 'outbound', content: Content, text: string, status: string, waMessageId?: string, createdAt: string }} ChatMessage
 * @typedef {{ id: string, channelId: string, contact: { phone: string, name?: string }, handover: boolean, unread: number }} Chat
 * @typedef {{ id: string, number: number, status: string, total: { amount: number, currency: string }, createdAt: string }} Order
 * @typedef {{ type: 'text' | 'button' | 'list' | 'location' | 'image', text?: string, replyId?: string, location?: Location, mediaId?: string }} Written
 * @typedef {'waiting' | 'sent' | 'delivered' | 'read' | 'failed'} Tick
 * @typedef {{ waMessageId: string, written: Written, tick: Tick, error?: string, at: string }} Unsent
 * @typedef {{ key: string, own: boolean, content: Content, text: string, at: string, file?: StoredFile, tick?: Tick, error?: string, chosen?: string }} Bubble
 * @typedef {{ channelId: string, phone: string, name: string }} Line
 */

const POLL_MS = 500;
const HIDDEN_POLL_MS = 5_000;
const LONGEST_POLL_MS = 10_000;
/** So many rounds after anything has happened the merchant's side is looked at in each round, later in every fourth. */
const EAGER_ROUNDS = 30;
const TAPS_KEPT = 200;

/**
 * One customer's phone on one channel, and the merchant's view of the same chat. What the customer writes waits in an
 * outbox, kept over reloads, until the merchant's chat shows it; its id stays, so sending it twice is sending it once.
 */
export class Conversation {
  /** What the phone has received, in order. @type {PhoneMessage[]} */
  received = [];
  /** The merchant's chat, oldest first. @type {ChatMessage[]} */
  messages = [];
  /** @type {Order[]} */
  orders = [];
  /** @type {Chat | undefined} */
  chat;
  /** Files of the merchant's chat by their ids; undefined for those that were deleted. @type {Map<string, StoredFile | undefined>} */
  files = new Map();
  /** Why the last round failed. @type {ApiError | undefined} */
  trouble;
  loaded = false;

  #stopping = new AbortController();
  #failures = 0;
  #rounds = 0;
  #eager = EAGER_ROUNDS;
  #woken = false;
  #endPause = () => {};
  /** @type {Unsent[]} */
  #outbox;
  /** Which message an option was tapped on, by the tap's own id. @type {Record<string, string>} */
  #taps;

  /** @param {Line} line @param {{ changed: (conversation: Conversation) => void, visible: () => boolean }} page */
  constructor(line, page) {
    this.line = line;
    this.page = page;
    const kept = load(this.#key, { outbox: [], taps: {} });
    this.#outbox = kept.outbox;
    this.#taps = kept.taps;
    void this.#run();
  }

  stop() {
    this.#stopping.abort();
    this.#endPause();
  }

  /** Something happened: look now and not at the next beat. */
  wake() {
    this.#woken = true;
    this.#eager = EAGER_ROUNDS;
    this.#endPause();
  }

  /** @param {Written} written @param {string} [tappedOn] waMessageId of the message whose option it is @returns {string} its waMessageId */
  send(written, tappedOn) {
    const waMessageId = newId();
    if (tappedOn) this.#taps = newest({ ...this.#taps, [waMessageId]: tappedOn }, TAPS_KEPT);
    this.#outbox.push({ waMessageId, written, tick: 'waiting', at: new Date().toISOString() });
    this.#keep();
    this.wake();
    return waMessageId;
  }

  /** @param {string} waMessageId */
  sendAgain(waMessageId) {
    for (const unsent of this.#outbox) if (unsent.waMessageId === waMessageId) unsent.tick = 'waiting';
    this.#keep();
    this.wake();
  }

  /** @param {string} waMessageId */
  forget(waMessageId) {
    this.#outbox = this.#outbox.filter((unsent) => unsent.waMessageId !== waMessageId);
    this.#keep();
  }

  /** @param {boolean} botAnswers */
  async handOver(botAnswers) {
    if (!this.chat) return;
    await this.#call('POST', `/api/whatsapp/chats/${this.chat.id}/${botAnswers ? 'release' : 'handover'}`);
    this.wake();
  }

  /** @param {string} message */
  async writeAsMerchant(message) {
    await this.#call('POST', '/api/whatsapp/send', { to: this.line.phone, channelId: this.line.channelId, message });
    this.wake();
  }

  /** The phone's screen: what it wrote, as the merchant's chat has it, between what it received, both by the server's clock. @returns {Bubble[]} */
  bubbles() {
    const own = this.messages
      .filter((message) => message.direction === 'inbound')
      .map((message) => ownBubble(message, this.fileOf(message.content)));
    /** @type {Bubble[]} */
    const bubbles = [];
    let next = 0;
    for (const { waMessageId, content, text, media: file, receivedAt } of this.received) {
      for (let mine = own[next]; mine && mine.at <= receivedAt; mine = own[++next]) bubbles.push(mine);
      bubbles.push({ key: waMessageId, own: false, content, text, at: receivedAt, ...(file ? { file } : {}) });
    }
    bubbles.push(...own.slice(next), ...this.#outbox.map(unsentBubble));
    this.#markChosen(bubbles);
    return bubbles;
  }

  /** What came or went with a message. @param {Content} content */
  fileOf(content) {
    const id = partOf(content)?.mediaId;
    return id ? this.files.get(id) : undefined;
  }

  /** A tap from another browser is taken as one on the last message that offered it. @param {Bubble[]} bubbles */
  #markChosen(bubbles) {
    /** @type {Map<string, Bubble>} */
    const offers = new Map();
    for (const bubble of bubbles) {
      const id = bubble.content.reply?.id;
      if (!bubble.own) {
        offers.set(bubble.key, bubble);
        for (const option of optionsOf(bubble.content)) offers.set(`option ${option.id}`, bubble);
      } else if (id) {
        const tapped = offers.get(this.#taps[bubble.key] ?? '') ?? offers.get(`option ${id}`);
        if (tapped) tapped.chosen = id;
      }
    }
  }

  async #run() {
    while (!this.#stopping.signal.aborted) {
      this.#woken = false;
      try {
        await this.#round();
        this.#failures = 0;
        this.trouble = undefined;
      } catch (error) {
        if (this.#stopping.signal.aborted) return;
        if (!(error instanceof ApiError)) console.error(error);
        this.#failures += 1;
        this.trouble = error instanceof ApiError ? error : new ApiError(0, String(error));
      }
      this.#changed();
      if (!this.#woken) await this.#pause();
    }
  }

  #pause() {
    const calm = document.hidden ? HIDDEN_POLL_MS : POLL_MS;
    const ms = this.#failures > 0 ? Math.min(LONGEST_POLL_MS, calm * 2 ** this.#failures) : calm;
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, ms);
      this.#endPause = () => {
        clearTimeout(timer);
        resolve(undefined);
      };
    });
  }

  /** The merchant's side is read after the phone's: whatever a received message answers is then in it. */
  async #round() {
    await this.#flush();
    const news = await this.#news();
    if (news.length > 0) this.#eager = EAGER_ROUNDS;
    if (this.#eager-- > 0 || this.#rounds++ % 4 === 0) await this.#look();
    this.received.push(...news);
    this.loaded = true;
    this.#changed();
    await this.#acknowledge();
  }

  /** Sends what waits, in order. What the api refuses for good stays on the screen with the reason. */
  async #flush() {
    const { channelId, phone, name } = this.line;
    for (const unsent of this.#outbox.filter(({ tick }) => tick === 'waiting')) {
      const { waMessageId, written } = unsent;
      try {
        const body = { from: phone, ...(name ? { name } : {}), ...written, waMessageId };
        await this.#call('POST', `/api/simulator/channels/${channelId}/messages`, body);
        unsent.tick = 'sent';
      } catch (error) {
        if (!(error instanceof ApiError) || error.passing || error.status === 401) throw error;
        Object.assign(unsent, { tick: 'failed', error: error.message });
      }
      this.#keep();
    }
  }

  async #news() {
    /** @type {PhoneMessage[]} */
    const news = [];
    let page;
    do {
      const after = (news.at(-1) ?? this.received.at(-1))?.seq ?? 0;
      page = await this.#call('GET', `${this.#phonePath}/messages?after=${after}`);
      news.push(...page.data);
    } while (page.pagination.hasMore);
    return news;
  }

  async #look() {
    const { channelId, phone } = this.line;
    const [chats, orders] = await Promise.all([
      this.#call('GET', `/api/whatsapp/chats?limit=100&q=${phone.slice(1)}`),
      this.#call('GET', `/api/orders?limit=10&customer=${encodeURIComponent(phone)}`),
    ]);
    /** @type {Chat | undefined} */
    const chat = chats.data.find((/** @type {Chat} */ each) => each.channelId === channelId && each.contact.phone === phone);
    if (chat) this.messages = await this.#chatMessages(chat.id);
    await this.#findFiles();
    this.chat = chat;
    this.orders = orders.data;
    const stored = new Set(this.messages.map(({ waMessageId }) => waMessageId));
    const before = this.#outbox.length;
    this.#outbox = this.#outbox.filter(({ waMessageId }) => !stored.has(waMessageId));
    if (this.#outbox.length !== before) this.#keep();
  }

  async #findFiles() {
    for (const { content } of this.messages) {
      const id = partOf(content)?.mediaId;
      if (!id || this.files.has(id)) continue;
      const file = await this.#call('GET', `/api/media/${id}`).catch((/** @type {unknown} */ error) => {
        if (!(error instanceof ApiError) || error.passing || error.status === 401) throw error;
      });
      this.files.set(id, file);
    }
  }

  /** All messages of the chat: pages are read backwards until one holds a known message. @param {string} chatId */
  async #chatMessages(chatId) {
    const known = new Set(this.messages.map(({ id }) => id));
    /** @type {ChatMessage[]} */
    const fresh = [];
    /** @type {import('./api.js').Page<ChatMessage>} */
    let page;
    do {
      const last = fresh.at(-1);
      page = await this.#call('GET', `/api/whatsapp/chats/${chatId}/messages?limit=50${last ? `&before=${last.id}` : ''}`);
      fresh.push(...page.data);
    } while (page.pagination.hasMore && !page.data.some(({ id }) => known.has(id)));
    const ids = new Set(fresh.map(({ id }) => id));
    return [...this.messages.filter(({ id }) => !ids.has(id)), ...fresh.toReversed()];
  }

  /** Receipts for what has arrived and, while somebody looks, for what is read. */
  async #acknowledge() {
    for (const message of this.received) {
      if (message.status === 'sent') await this.#receipt(message, 'delivered');
      if (message.status === 'delivered' && this.page.visible()) await this.#receipt(message, 'read');
    }
  }

  /** @param {PhoneMessage} message @param {'delivered' | 'read'} status */
  async #receipt(message, status) {
    await this.#call('POST', `${this.#phonePath}/receipts`, { waMessageId: message.waMessageId, status });
    message.status = status;
    this.#eager = EAGER_ROUNDS;
  }

  /** @param {'GET' | 'POST'} method @param {string} path @param {object} [body] */
  #call(method, path, body) {
    return call(method, path, body, this.#stopping.signal);
  }

  get #phonePath() {
    return `/api/simulator/channels/${this.line.channelId}/phones/${encodeURIComponent(this.line.phone)}`;
  }

  get #key() {
    return `line.${this.line.channelId}.${this.line.phone}`;
  }

  #keep() {
    save(this.#key, { outbox: this.#outbox, taps: this.#taps });
    this.#changed();
  }

  #changed() {
    if (!this.#stopping.signal.aborted) this.page.changed(this);
  }
}

/** @param {Content} content @returns {Option[]} */
export const optionsOf = ({ buttons, list }) => buttons?.buttons ?? list?.sections.flatMap((section) => section.rows) ?? [];

/** What is said of the file of a message that has one. @param {Content} content @returns {Part | undefined} */
export const partOf = ({ media, image, video, audio, document, sticker }) =>
  media ?? image ?? video ?? audio ?? document ?? sticker;

/** @param {ChatMessage} message @param {StoredFile} [file] @returns {Bubble} */
const ownBubble = ({ id, waMessageId, content, text, createdAt, status }, file) => ({
  key: waMessageId ?? id,
  own: true,
  content,
  text,
  at: createdAt,
  tick: status === 'read' ? 'read' : 'delivered',
  ...(file ? { file } : {}),
});

/** @param {Unsent} unsent @returns {Bubble} */
const unsentBubble = ({ waMessageId, written, tick, error, at }) => ({
  key: waMessageId,
  own: true,
  content: contentOf(written),
  text: written.text ?? '',
  at,
  tick,
  ...(error ? { error } : {}),
});

/** What the merchant's chat will show for it. @param {Written} written @returns {Content} */
function contentOf({ type, text = '', replyId = '', location }) {
  if (type === 'location' && location) return { type, location };
  if (type === 'image') return { type, image: text ? { caption: text } : {} };
  return replyId ? { type: 'reply', reply: { id: replyId, title: text } } : { type: 'text', text: { body: text } };
}
