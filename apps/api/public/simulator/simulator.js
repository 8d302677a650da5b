// @ts-check
import { ApiError, call, signedIn, signIn, signOut, upload } from './api.js';
import { Conversation } from './conversation.js';
import { keepPhoto, load, save, SUGGESTIONS } from './store.js';
import { button, el, listRows, merchantItem, orderItem, phoneItem, show } from './view.js';

/** @typedef {import('./store.js').Customer} Customer */
/** @typedef {{ id: string, name: string, kind: string, phone?: string }} Channel */

const DEMO = { email: 'demo@soko.local', password: 'soko-demo-2026' };

/** @type {Channel[]} */
let channels = [];
/** @type {Customer[]} */
let customers = load('customers', SUGGESTIONS.slice(0, 1));
/** @type {Conversation | undefined} */
let conversation;

/** @template {HTMLElement} [T=HTMLElement] @param {string} selector @param {new () => T} [type] @returns {T} */
function find(selector, type) {
  const element = document.querySelector(selector);
  if (element instanceof (type ?? HTMLElement)) return /** @type {T} */ (element);
  throw new Error(`the page has no ${selector}`);
}
/** @param {HTMLFormElement} form @param {string} name @returns {HTMLInputElement} */
const field = (form, name) => /** @type {any} */ (form.elements.namedItem(name));
const stage = find('#stage');
const channelSelect = find('#channel', HTMLSelectElement);
const customerSelect = find('#customer', HTMLSelectElement);
const textBox = find('#text', HTMLTextAreaElement);
const bot = find('#bot', HTMLButtonElement);

/** @param {'sign-in' | 'no-channel' | 'stage'} screen */
function go(screen) {
  for (const id of ['sign-in', 'no-channel', 'stage']) find(`#${id}`).hidden = id !== screen;
}

/** Runs the work and shows why it failed; without a session left, the sign-in. @param {HTMLElement} place @param {() => Promise<unknown>} work */
async function attempt(place, work) {
  place.textContent = '';
  try {
    await work();
  } catch (error) {
    if (error instanceof ApiError && error.status === 401 && signedIn()) return leave(error.message);
    place.textContent = error instanceof Error ? error.message : String(error);
  }
}

/** @param {HTMLFormElement} form @param {() => Promise<unknown>} work */
function onSubmit(form, work) {
  form.addEventListener('submit', (event) => {
    event.preventDefault();
    const submit = /** @type {HTMLButtonElement} */ (event.submitter ?? form.querySelector('.primary'));
    submit.disabled = true;
    void attempt(/** @type {HTMLElement} */ (form.querySelector('.error')), work).then(() => (submit.disabled = false));
  });
}

function leave(reason = '') {
  conversation?.stop();
  conversation = undefined;
  signOut();
  go('sign-in');
  find('#sign-in .error').textContent = reason;
}

async function enter() {
  /** @type {import('./api.js').Page<Channel>} */
  const page = await call('GET', '/api/channels?limit=100');
  channels = page.data.filter(({ kind }) => kind === 'simulator');
  if (channels.length === 0) return go('no-channel');
  channelSelect.replaceChildren(...channels.map(({ id, name, phone }) => new Option(phone ? `${name} (${phone})` : name, id)));
  const last = load('last', { channelId: '', phone: '' });
  if (channels.some(({ id }) => id === last.channelId)) channelSelect.value = last.channelId;
  listCustomers(last.phone);
  go('stage');
  openLine();
}

/** @param {string} phone the one to choose */
function listCustomers(phone) {
  customerSelect.replaceChildren(...customers.map((each) => new Option(`${each.name || 'No name'} (${each.phone})`, each.phone)));
  if (customers.some((each) => each.phone === phone)) customerSelect.value = phone;
}

function openLine() {
  conversation?.stop();
  for (const list of ['#phone-log', '#merchant-log', '#orders']) find(list).replaceChildren();
  find('#merchant-error').textContent = '';
  const channelId = channelSelect.value;
  const { phone, name } = customers.find((each) => each.phone === customerSelect.value) ?? { phone: '', name: '' };
  save('last', { channelId, phone });
  find('#shop').textContent = channels.find(({ id }) => id === channelId)?.name ?? '';
  const visible = () => !document.hidden && find('#phone-log').offsetParent !== null;
  conversation = new Conversation({ channelId, phone, name }, { changed: draw, visible });
  draw(conversation);
}

/** @param {Conversation} current */
function draw(current) {
  const { trouble, loaded, chat, messages, orders, line } = current;
  if (trouble?.status === 401) return leave(trouble.message);
  const state = trouble ? 'reconnecting…' : loaded ? 'online' : 'connecting…';
  const connection = find('#connection');
  if (connection.textContent !== state) connection.textContent = state;
  connection.title = trouble?.message ?? '';
  stage.classList.toggle('away', Boolean(trouble));
  const bubbles = current.bubbles().map((bubble) => phoneItem(bubble, actions));
  show(find('#phone-log'), bubbles.length > 0 || !loaded ? bubbles : [note('Write "hi" to begin.')]);
  show(
    find('#merchant-log'),
    messages.length > 0 || !loaded
      ? messages.map((message) => merchantItem(message, current.fileOf(message.content)))
      : [note('No message yet.')],
  );
  show(find('#orders'), orders.length > 0 || !loaded ? orders.map(orderItem) : [note('No order yet.', 'li')]);
  const unread = chat?.unread ? `, ${chat.unread} unread` : '';
  find('#chat-title').textContent = `${chat?.contact.name ?? (line.name || 'Customer')}, ${line.phone}${unread}`;
  bot.disabled = !chat;
  bot.setAttribute('aria-checked', String(!chat?.handover));
}

/** @param {string} text @param {'p' | 'li'} [tag] @returns {import('./view.js').Item} */
const note = (text, tag = 'p') => ({ key: 'note', signature: text, make: () => el(tag, 'note', text) });

/** @type {import('./view.js').Actions} */
const actions = {
  tap: (bubble, { id, title }) => void conversation?.send({ type: 'button', replyId: id, text: title }, bubble.key),
  again: (key) => conversation?.sendAgain(key),
  forget: (key) => conversation?.forget(key),
  openList: (bubble) => {
    const sheet = find('#sheet', HTMLDialogElement);
    find('#sheet-title').textContent = bubble.content.list?.button ?? '';
    const rows = listRows(bubble, ({ id, title }) => {
      sheet.close();
      conversation?.send({ type: 'list', replyId: id, text: title }, bubble.key);
    });
    find('#sheet-rows').replaceChildren(...rows);
    sheet.showModal();
  },
};

/** A dialog that is left by its button "ok" or not at all. @param {string} id @param {string} opener @param {(form: HTMLFormElement) => void} done */
function dialog(id, opener, done) {
  const element = find(id, HTMLDialogElement);
  find(opener).addEventListener('click', () => {
    element.returnValue = '';
    element.showModal();
  });
  element.addEventListener('close', () => {
    if (element.returnValue === 'ok') done(/** @type {HTMLFormElement} */ (element.querySelector('form')));
    textBox.focus();
  });
}

const signInForm = find('#sign-in form', HTMLFormElement);
onSubmit(signInForm, async () => {
  await signIn(field(signInForm, 'email').value, field(signInForm, 'password').value);
  await enter();
});
if (['localhost', '127.0.0.1', '[::1]'].includes(location.hostname)) {
  field(signInForm, 'email').value = DEMO.email;
  field(signInForm, 'password').value = DEMO.password;
  find('#demo-hint').hidden = false;
}

const channelForm = find('#no-channel form', HTMLFormElement);
onSubmit(channelForm, async () => {
  const phone = field(channelForm, 'phone').value.trim();
  const name = field(channelForm, 'name').value;
  await call('POST', '/api/channels', { name, kind: 'simulator', ...(phone ? { phone } : {}) });
  await enter();
});

channelSelect.addEventListener('change', openLine);
customerSelect.addEventListener('change', openLine);
for (const each of document.querySelectorAll('.sign-out')) each.addEventListener('click', () => leave());
for (const event of ['visibilitychange', 'online']) {
  (event === 'online' ? window : document).addEventListener(event, () => conversation?.wake());
}

const tabs = [...document.querySelectorAll('.tabs button')].map((tab) => /** @type {HTMLButtonElement} */ (tab));
for (const tab of tabs) {
  tab.addEventListener('click', () => {
    stage.dataset.view = tab.dataset.view;
    for (const each of tabs) each.setAttribute('aria-pressed', String(each === tab));
    for (const log of document.querySelectorAll('.log')) log.scrollTop = log.scrollHeight;
    conversation?.wake();
  });
}

find('#composer', HTMLFormElement).addEventListener('submit', (event) => {
  event.preventDefault();
  const text = textBox.value.trim();
  if (text) conversation?.send({ type: 'text', text });
  textBox.value = '';
});
textBox.addEventListener('keydown', (event) => {
  if (event.key !== 'Enter' || event.shiftKey || event.isComposing) return;
  event.preventDefault();
  find('#composer', HTMLFormElement).requestSubmit();
});

dialog('#location-dialog', '#share-location', (form) => {
  const name = field(form, 'name').value.trim();
  const position = { latitude: field(form, 'latitude').valueAsNumber, longitude: field(form, 'longitude').valueAsNumber };
  conversation?.send({ type: 'location', location: { ...position, ...(name ? { name } : {}) } });
});

dialog('#photo-dialog', '#attach-photo', (form) => {
  const file = field(form, 'file').files?.[0];
  const caption = field(form, 'caption').value.trim();
  const line = conversation;
  form.reset();
  if (!file || !line) return;
  void attempt(find('#phone-error'), async () => {
    const { id: mediaId } = await upload(file);
    const id = line.send({ type: 'image', mediaId, ...(caption ? { text: caption } : {}) });
    keepPhoto(id, file).then(
      () => draw(line),
      () => console.warn('the browser cannot show this picture'),
    );
  });
});

const customerDialog = find('#customer-dialog', HTMLDialogElement);
const customerForm = find('#customer-dialog form', HTMLFormElement);
find('#add-customer').addEventListener('click', () => customerDialog.showModal());
find('#customer-dialog [data-close]').addEventListener('click', () => customerDialog.close());
find('#suggestions').append(
  ...SUGGESTIONS.map(({ phone, name }) =>
    button(
      'chip',
      () => {
        field(customerForm, 'phone').value = phone;
        field(customerForm, 'name').value = name;
      },
      name,
    ),
  ),
);
onSubmit(customerForm, async () => {
  const phone = `+${field(customerForm, 'phone').value.replace(/\D/g, '').replace(/^00/, '')}`;
  const name = field(customerForm, 'name').value.trim();
  // The api knows what a phone number is.
  await call('GET', `/api/simulator/channels/${channelSelect.value}/phones/${encodeURIComponent(phone)}/messages?limit=1`);
  customers = [...customers.filter((each) => each.phone !== phone), { phone, name }];
  save('customers', customers);
  listCustomers(phone);
  customerForm.reset();
  customerDialog.close();
  openLine();
});

bot.addEventListener('click', () => {
  const answers = bot.getAttribute('aria-checked') !== 'true';
  void attempt(find('#merchant-error'), async () => conversation?.handOver(answers));
});

find('#reply', HTMLFormElement).addEventListener('submit', (event) => {
  event.preventDefault();
  const box = find('#reply-text', HTMLInputElement);
  const text = box.value.trim();
  if (!text) return;
  void attempt(find('#merchant-error'), async () => {
    await conversation?.writeAsMerchant(text);
    box.value = '';
  });
});

if (!signedIn()) go('sign-in');
else {
  const back = (/** @type {unknown} */ error) => {
    go('sign-in');
    throw error;
  };
  void attempt(find('#sign-in .error'), () => enter().catch(back));
}
