import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { parallel } from '../parallel.js';
import { until } from '../until.js';
import { setup } from './spec-setup.js';

describe('a send', () => {
  it('is answered as Meta does and stands on the phone', async () => {
    const { number, send } = await setup();
    const customer = number.customer('+263771234567');
    const first = await send({ text: { body: 'Hi' }, biz_opaque_callback_data: 'our-1' }, '+263 77 123-4567');
    const [{ id }] = first.body.messages as [{ id: string }];
    const list = {
      type: 'list',
      body: { text: 'Choose' },
      action: { button: 'Open', sections: [{ rows: [{ id: 'a', title: 'A' }] }] },
    };
    await send({ interactive: list, context: { message_id: id } });
    expect(first).toMatchObject({
      status: 200,
      body: { messaging_product: 'whatsapp', contacts: [{ input: '263771234567', wa_id: '263771234567' }] },
    });
    expect(id).toMatch(/^wamid\./);
    expect(customer.received).toMatchObject([
      { id, type: 'text', payload: { body: 'Hi' }, text: 'Hi', callbackData: 'our-1' },
      { type: 'interactive', payload: list, text: 'Choose', context: id },
    ]);
    expect(number.requests).toMatchObject({ total: 2, by: { message: 2 } });
    expect(number.requests.latest.map(({ outcome }) => outcome)).toEqual([200, 200]);
  });

  it('reaches a person by user id', async () => {
    const { number, post } = await setup();
    const customer = number.customer('+263771234567', { userId: 'US.abc', phoneHidden: true });
    const answer = await post({ recipient: 'US.abc', type: 'text', text: { body: 'Hi' } });
    expect(answer.body.contacts).toEqual([{ input: 'US.abc', user_id: 'US.abc' }]);
    expect(customer.received).toHaveLength(1);
    expect((await post({ recipient: 'US.unknown', type: 'text', text: { body: 'Hi' } })).body.error?.code).toBe(131026);
  });

  it.each(['', 'EAAwrong'])('with the token "%s" is refused with 190', async (token) => {
    const { number, call } = await setup();
    const answer = await call('POST', `/${number.phoneNumberId}/messages`, { messaging_product: 'whatsapp' }, token);
    expect(answer).toMatchObject({ status: 401, body: { error: { code: 190, type: 'OAuthException' } } });
    expect(number.requests.codes).toEqual({ 190: 1 });
  });

  it("to another token's number, an unknown one or an unknown path is refused with 100", async () => {
    const { graph, call } = await setup();
    const other = graph.number();
    const body = { messaging_product: 'whatsapp', to: '263771234567', text: { body: 'Hi' } };
    for (const id of [other.phoneNumberId, '12345']) {
      expect(await call('POST', `/${id}/messages`, body)).toMatchObject({
        status: 400,
        body: { error: { code: 100, error_subcode: 33 } },
      });
    }
    expect((await call('POST', '/1/2/3', body)).body.error?.code).toBe(100);
    expect((await call('POST', `${graph.url}/messages`, body)).body.error?.code).toBe(100);
  });

  it('that breaks a rule is told which one', async () => {
    const { number, send } = await setup();
    expect(await send({ text: { body: 'x'.repeat(4097) } })).toMatchObject({
      status: 400,
      body: { error: { code: 100, error_data: { details: expect.stringContaining("text['body']") } } },
    });
    expect(number.customer('+263771234567').received).toEqual([]);
  });

  it('to the number itself is refused', async () => {
    const { send } = await setup();
    expect((await send(undefined, '+263780000001')).body.error?.code).toBe(131021);
  });
});

describe('the 24 h window', () => {
  it('is open for 24 h after the customer wrote', async () => {
    const { graph, number, send } = await setup();
    number.enforceWindow = true;
    number.templates.add({ name: 'news', body: 'News' });
    const template = { template: { name: 'news', language: { code: 'en' } } };
    expect((await send()).body.error?.code).toBe(131047);
    expect((await send(template)).status).toBe(200);
    await number.customer('+263771234567').write({ text: 'Hi' });
    expect((await send()).status).toBe(200);
    graph.advance(24 * 3_600_000);
    expect((await send()).body.error?.code).toBe(131047);
  });

  it('closes by webhook as well', async () => {
    const { number, send, statuses } = await setup();
    number.enforceWindow = 'webhook';
    const { body } = await send({ text: { body: 'Hi' }, biz_opaque_callback_data: 'our-1' });
    const [status] = await until('the status', () => statuses().length === 1 && statuses());
    expect(status).toMatchObject({
      id: body.messages![0]!.id,
      status: 'failed',
      errors: [{ code: 131047 }],
      biz_opaque_callback_data: 'our-1',
    });
    expect(number.customer('+263771234567').received).toEqual([]);
  });
});

describe('limits of speed', () => {
  it('refuses with 130429 what is above the rate, until the second is over', async () => {
    const { graph, number, send } = await setup();
    number.rate = 5;
    const answers = await parallel(8, (n) => send(undefined, `+26377123456${n}`));
    expect(answers.map(({ status }) => status).filter((status) => status === 200)).toHaveLength(5);
    expect(number.requests.codes).toEqual({ 130429: 3 });
    graph.advance(1_000);
    expect((await send()).status).toBe(200);
  });

  it('refuses with 131056 what is too much for one person', async () => {
    const { graph, number, send } = await setup();
    number.pairRate = true;
    const answers = await parallel(47, () => send());
    expect(answers.filter(({ body }) => body.error?.code === 131056)).toHaveLength(2);
    expect((await send(undefined, '+263770000000')).status).toBe(200);
    graph.advance(6_000);
    expect([(await send()).status, (await send()).status]).toEqual([200, 400]);
  });
});

const words = (...values: string[]) => values.map((text) => ({ type: 'text', text }));

describe('templates', () => {
  const send = { type: 'template' };
  const template = (name: string, components: object[] = [], code = 'en') => ({
    ...send,
    template: { name, language: { code }, components },
  });
  it('are filled in and checked', async () => {
    const { number, post } = await setup();
    number.templates.add({ name: 'order', header: 'Order {{1}}', body: 'Hi {{1}}, {{2}} is ready', footer: 'Shop' });
    number.templates.add({ name: 'named', body: 'Hi {{first_name}}' });
    number.templates.add({
      name: 'link',
      body: 'Pay',
      buttons: [{ type: 'URL', text: 'Pay', url: 'https://pay.example/{{1}}' }],
    });
    number.templates.add({ name: 'paused', body: 'Hi', status: 'PAUSED' });
    number.templates.add({ name: 'disabled', body: 'Hi', status: 'DISABLED' });
    number.templates.add({ name: 'pending', body: 'Hi', status: 'PENDING' });
    const to = '263771234567';
    const header = { type: 'header', parameters: words('#7') };
    const codes = async (...bodies: object[]) => {
      const found: (number | undefined)[] = [];
      for (const body of bodies) found.push((await post({ to, ...body })).body.error?.code);
      return found;
    };
    expect(
      await codes(
        template('order', [header, { type: 'body', parameters: words('Rudo', 'maize') }]),
        template('named', [{ type: 'body', parameters: [{ type: 'text', parameter_name: 'first_name', text: 'Rudo' }] }]),
        template('link', [{ type: 'button', sub_type: 'url', index: '0', parameters: words('abc') }]),
      ),
    ).toEqual([undefined, undefined, undefined]);
    expect(number.customer(to).received.map(({ text }) => text)).toEqual([
      'Order #7\nHi Rudo, maize is ready\nShop',
      'Hi Rudo',
      'Pay',
    ]);
    expect(
      await codes(
        template('order', [header, { type: 'body', parameters: words('Rudo') }]),
        template('order', [{ type: 'body', parameters: words('Rudo', 'maize') }]),
        template('order', [header, { type: 'body', parameters: words('Rudo', 'x'.repeat(1020)) }]),
        template('named', [{ type: 'body', parameters: [{ type: 'text', parameter_name: 'name', text: 'Rudo' }] }]),
        template('unknown'),
        template('order', [], 'sn'),
        template('pending'),
        template('paused'),
        template('disabled'),
        template('link'),
      ),
    ).toEqual([132000, 132000, 132005, 132012, 132001, 132001, 132001, 132015, 132016, 131008]);
  });

  it('are listed in pages', async () => {
    const { number, call } = await setup();
    for (let n = 0; n < 5; n += 1) number.templates.add({ name: `t${n}`, body: 'Hi' });
    const names: string[] = [];
    let path: string | undefined = `/${number.wabaId}/message_templates?limit=2`;
    let pages = 0;
    while (path) {
      const { body } = await call('GET', path);
      names.push(...body.data!.map(({ name }) => name));
      path = body.paging?.next;
      pages += 1;
    }
    expect([names, pages]).toEqual([['t0', 't1', 't2', 't3', 't4'], 3]);
    expect((await call('GET', `/${number.wabaId}/message_templates?name=t3`)).body.data).toMatchObject([
      { name: 't3', status: 'APPROVED', components: [{ type: 'BODY', text: 'Hi' }] },
    ]);
  });

  it('that Meta would not take are not added', async () => {
    const { number } = await setup();
    expect(() => number.templates.add({ name: 'Big Name', body: 'Hi' })).toThrow(/only a-z/);
    expect(() => number.templates.add({ name: 'big', body: 'x'.repeat(1025) })).toThrow(/length/);
    expect(() => number.templates.add({ name: 'big', header: '{{1}} {{2}}', body: 'Hi' })).toThrow(/one variable/);
  });
});

const form = (bytes: Uint8Array<ArrayBuffer>, type: string) => {
  const data = new FormData();
  data.set('messaging_product', 'whatsapp');
  data.set('file', new Blob([bytes], { type }), 'a.jpg');
  return data;
};

describe('files', () => {
  it('are uploaded, described, downloaded with the token for 5 minutes, sent and deleted', async () => {
    const { graph, number, call, send } = await setup();
    // With what separates the parts of a form, so that a careless parser shows.
    const bytes = new Uint8Array(Buffer.from('\r\n--\r\n\u0000\u00FF--x\r\n', 'latin1'));
    const { id } = (await call('POST', `/${number.phoneNumberId}/media`, form(bytes, 'image/jpeg'))).body;
    const found = (await call('GET', `/${id}`)).body;
    expect(found).toMatchObject({
      id,
      mime_type: 'image/jpeg',
      file_size: bytes.length,
      sha256: createHash('sha256').update(bytes).digest('hex'),
    });
    const download = (token: string) => fetch(found.url!, { headers: { authorization: `Bearer ${token}` } });
    const answer = await download(number.accessToken);
    expect([answer.headers.get('content-type'), new Uint8Array(await answer.arrayBuffer())]).toEqual(['image/jpeg', bytes]);
    expect((await download('wrong')).status).toBe(401);
    expect((await fetch(found.url!)).status).toBe(401);
    expect((await send({ image: { id } })).status).toBe(200);
    graph.advance(5 * 60_000);
    expect((await download(number.accessToken)).status).toBe(404);
    expect((await call('GET', `/${id}`)).body.url).not.toBe(found.url);
    expect((await call('DELETE', `/${id}`)).body).toEqual({ success: true });
    expect((await call('GET', `/${id}`)).body.error).toMatchObject({ code: 100, error_subcode: 33 });
  });

  it('are refused when too large or of no type that can be sent', async () => {
    const { number, call } = await setup();
    const code = async (bytes: number, type: string) =>
      (await call('POST', `/${number.phoneNumberId}/media`, form(new Uint8Array(bytes), type))).body.error?.code;
    expect(await code(5 * 1024 * 1024, 'image/png')).toBeUndefined();
    expect(await code(5 * 1024 * 1024 + 1, 'image/png')).toBe(131053);
    expect(await code(100 * 1024 + 1, 'image/webp')).toBe(131053);
    expect(await code(10, 'image/gif')).toBe(100);
  });

  it('expire', async () => {
    const { graph, number, call } = await setup();
    const { id } = (await call('POST', `/${number.phoneNumberId}/media`, form(new Uint8Array(3), 'image/jpeg'))).body;
    graph.advance(30 * 86_400_000);
    expect((await call('GET', `/${id}`)).body.error?.code).toBe(100);
  });
});

describe('the rest', () => {
  it('tells about the number', async () => {
    const { number, call } = await setup();
    number.info.quality_rating = 'RED';
    const path = `/${number.phoneNumberId}`;
    expect((await call('GET', `${path}?fields=display_phone_number,quality_rating`)).body).toEqual({
      display_phone_number: '+263780000001',
      quality_rating: 'RED',
      id: number.phoneNumberId,
    });
    expect((await call('GET', path)).body).toMatchObject({ verified_name: 'Test Shop' });
    expect((await call('GET', `${path}?fields=colour`)).body.error?.code).toBe(100);
  });

  it('notes read and typing calls about messages that a customer wrote', async () => {
    const { number, post } = await setup();
    const message_id = await number.customer('+263771234567').write({ text: 'Hi' });
    const mark = { status: 'read', message_id };
    expect((await post({ ...mark, typing_indicator: { type: 'text' } })).body).toEqual({ success: true });
    expect((await post(mark)).status).toBe(200);
    expect((await post({ status: 'read', message_id: 'wamid.other' })).body.error?.code).toBe(131009);
    expect((await post({ ...mark, typing_indicator: { type: 'voice' } })).status).toBe(400);
    expect(number.marks).toMatchObject([
      { messageId: message_id, typing: true },
      { messageId: message_id, typing: false },
    ]);
    expect(number.requests.by).toMatchObject({ mark: 4, message: 0 });
  });

  it('follows no path without a version and answers garbage with an error', async () => {
    const { graph, number, call } = await setup();
    const response = await fetch(`${graph.url}/v26.0/${number.phoneNumberId}/messages`, {
      method: 'POST',
      headers: { authorization: `Bearer ${number.accessToken}` },
      body: '{"to":',
    });
    expect(response.status).toBe(400);
    expect((await call('GET', `${graph.url}/${number.phoneNumberId}`)).status).toBe(400);
  });
});
