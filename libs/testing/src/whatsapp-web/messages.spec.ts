import { Agent } from 'node:https';
import { downloadMediaMessage, proto } from '@whiskeysockets/baileys';
import { describe, expect, it } from 'vitest';
import { gate } from '../gate.js';
import { until } from '../until.js';
import { decrypting, linked } from './spec-setup.js';

const { DELIVERY_ACK, READ } = proto.WebMessageInfo.Status;

describe('Messages', () => {
  it('arrive as they were written, both ways', async () => {
    const { client, phone, rudo } = await linked();
    const id = await rudo.write(phone, { text: 'Mhoro! 🥑' });
    await until('the message', () => client.messages.length === 1);
    expect(client.messages[0]).toEqual({ id, text: 'Mhoro! 🥑', type: 'notify', jid: rudo.pn, alt: rudo.lid });
    expect(client.upserts.at(-1)?.message.pushName).toBe('Rudo');
    await until('the acknowledgement', () => phone.acknowledged.has(id));
    const answer = await client.send(rudo.pn, 'Mhoroi Rudo');
    await until('the answer', () => rudo.received.length === 1);
    expect(rudo.received).toMatchObject([{ id: answer, from: phone.number, text: 'Mhoroi Rudo' }]);
    expect(phone.unacknowledged).toEqual([]);
  });

  it('reach a customer who has never written', async () => {
    const { client, rudo } = await linked();
    await client.send(rudo.pn, 'Your parcel is here');
    await until('the message', () => rudo.received.length === 1);
    expect(rudo.received[0]?.text).toBe('Your parcel is here');
  });

  it('come from a lid with the number beside it, and answers find it', async () => {
    const { client, phone, server } = await linked();
    const tendai = server.customer('+263772222222', { addressing: 'lid' });
    await tendai.write(phone, { text: 'Hesi' });
    await until('the message', () => client.messages.length === 1);
    expect(client.messages[0]).toMatchObject({ jid: tendai.lid, alt: tendai.pn });
    await client.send(tendai.lid, 'by lid');
    await client.send(tendai.pn, 'by number');
    await until('both answers', () => tendai.received.length === 2);
    expect(tendai.received.map(({ text }) => text)).toEqual(['by lid', 'by number']);
  });

  it('carry taps, places, reactions and disappearing texts', async () => {
    const { client, phone, rudo } = await linked();
    await rudo.write(phone, { buttonReply: { id: 'yes', title: 'Yes' } });
    await rudo.write(phone, { listReply: { id: 'row-2', title: 'Tomatoes' } });
    await rudo.write(phone, { flowReply: { id: 'go' } });
    await rudo.write(phone, { location: { latitude: -17.8, longitude: 31.05, name: 'Mbare' } });
    await rudo.write(phone, { text: 'soon gone' }, { ephemeral: 86400 });
    await rudo.write(phone, { message: { contactMessage: { displayName: 'Chipo' } } });
    await until('all', () => client.messages.length === 6);
    expect(client.upserts.slice(-6).map(({ message: { message } }) => message)).toMatchObject([
      { buttonsResponseMessage: { selectedButtonId: 'yes', selectedDisplayText: 'Yes' } },
      { listResponseMessage: { singleSelectReply: { selectedRowId: 'row-2' } } },
      { interactiveResponseMessage: { nativeFlowResponseMessage: { paramsJson: '{"id":"go"}' } } },
      { locationMessage: { degreesLatitude: -17.8, name: 'Mbare' } },
      { ephemeralMessage: { message: { extendedTextMessage: { text: 'soon gone' } } } },
      { contactMessage: { displayName: 'Chipo' } },
    ]);
  });

  it('bring images both ways', async () => {
    const { client, phone, rudo, server } = await linked();
    await rudo.write(phone, { image: { bytes: Buffer.from('a picture'), caption: 'This one' } });
    await until('the image', () => client.upserts.some(({ message }) => message.message?.imageMessage));
    const { message } = client.upserts.at(-1)!;
    expect(message.message?.imageMessage?.caption).toBe('This one');
    expect((await downloadMediaMessage(message, 'buffer', {})).toString()).toBe('a picture');

    const uploading = { fetchAgent: new Agent({ ca: server.mediaCertificate }) };
    await client.stop();
    await client.login(uploading);
    await client.sock.sendMessage(rudo.pn, { image: Buffer.from('another one'), caption: 'Here', jpegThumbnail: '' });
    await until('the image', () => rudo.received.length === 1);
    expect(rudo.received[0]?.text).toBe('Here');
    expect((await rudo.download(rudo.received[0]!)).toString()).toBe('another one');
  });
});

describe('Customers', () => {
  it('may read later, or never', async () => {
    const { client, rudo, server } = await linked();
    const chipo = server.customer('+263774444444', { decrypt: 'never' });
    rudo.decrypt = 'lazy';
    await client.send(rudo.pn, 'one');
    await client.send(rudo.pn, 'two');
    await client.send(chipo.pn, 'three');
    await until('all three', () => rudo.arrivals.length === 2 && chipo.arrivals.length === 1);
    expect(rudo.received).toEqual([]);
    expect((await rudo.inbox()).map(({ text }) => text)).toEqual(['one', 'two']);
    expect(await chipo.inbox()).toEqual([]);
  });

  it('use up one-time keys, and the server asks for more', async () => {
    const { phone } = await linked();
    while (phone.preKeysLeft >= 5) phone.takeBundle();
    expect(phone.preKeysLeft).toBeLessThan(5);
    await until('more keys', () => phone.preKeysLeft > 5);
  });
});

describe('Receipts', () => {
  it('say that a message was delivered, and read', async () => {
    const { client, rudo } = await linked();
    const id = await client.send(rudo.pn, 'Ready');
    await until('the delivery', () => client.updates.some((update) => update.id === id && update.status === DELIVERY_ACK));
    rudo.read(id);
    await until('the reading', () => client.updates.some((update) => update.id === id && update.status === READ));
    expect(client.acks).toEqual([{ id, error: undefined }]);
  });

  it('may say read only, or come before the acknowledgement, or not at all', async () => {
    const { client, phone, rudo, server } = await linked();
    rudo.autoReceipts = 'read-only';
    phone.lateAcks = true;
    const order: string[] = [];
    client.sock.ws.on('CB:receipt', () => order.push('receipt'));
    client.sock.ws.on('CB:ack,class:message', () => order.push('ack'));
    await client.send(rudo.pn, 'Ready');
    await until('both', () => order.length === 2);
    expect(order).toEqual(['receipt', 'ack']);
    await until('the reading', () => client.updates.length > 0);
    expect(client.updates.map(({ status }) => status)).toEqual([READ]);

    const silent = server.customer('+263773333333');
    silent.autoReceipts = 'none';
    await client.send(silent.pn, 'Anybody?');
    await until('the acknowledgement', () => client.acks.length === 2);
    expect(client.updates).toHaveLength(1);
  });

  it('of the device reach the customer', async () => {
    const { client, phone, rudo } = await linked();
    const id = await rudo.write(phone, { text: 'Hi' });
    await until('the message', () => client.messages.length === 1);
    await client.sock.readMessages([client.upserts.at(-1)!.message.key]);
    await until('the reading', () => rudo.receipts.some(({ type }) => type === 'read'));
    expect(rudo.receipts[0]).toMatchObject({ id, from: phone.number });
  });

  it('that came while the device was away are kept for it', async () => {
    const { client, phone, rudo } = await linked();
    rudo.autoReceipts = 'none';
    const id = await client.send(rudo.pn, 'Ready');
    await until('the message', () => rudo.received.length === 1);
    await client.stop();
    await until('the device to be away', () => !phone.online);
    rudo.read(id);
    await client.login();
    await until('the reading', () => client.updates.length > 0);
    expect(client.updates).toMatchObject([{ id, status: READ }]);
  });
});

describe('Faults', () => {
  it('swallow acknowledgements', async () => {
    const { client, phone, rudo } = await linked();
    phone.loseAcks = true;
    await client.send(rudo.pn, 'Did you get this?');
    await until('the receipt', () => client.updates.length > 0);
    expect(client.acks).toEqual([]);
  });

  it('refuse what is written to a customer', async () => {
    const { client, phone, rudo, server } = await linked();
    server.restrict(phone, rudo);
    const id = await client.send(rudo.pn, 'Buy now');
    await until('the error', () => client.updates.some(({ status }) => status === 0));
    expect(client.acks).toEqual([{ id, error: '463' }]);
    expect(client.updates).toMatchObject([{ id, parameters: ['463', expect.any(String)] }]);
    expect(rudo.arrivals).toEqual([]);
    server.allow(phone, rudo);
    await client.send(rudo.pn, 'Sorry');
    await until('the next one', () => rudo.received.length === 1);
    expect(rudo.received[0]?.text).toBe('Sorry');
  });

  it('leave a number without WhatsApp', async () => {
    const { client, server } = await linked();
    server.notOnWhatsapp.add('+263779999999');
    // Baileys leaves out who is not there.
    expect(await client.sock.onWhatsApp('+263779999999', '+263771234567')).toEqual([
      { jid: '263771234567@s.whatsapp.net', exists: true },
    ]);
    // It resolves, and nobody gets it.
    await client.send('263779999999@s.whatsapp.net', 'Hello?');
  });

  it('hold messages back', async () => {
    const { client, phone, rudo } = await linked();
    phone.hold();
    await rudo.write(phone, { text: 'first' });
    await rudo.write(phone, { text: 'second' });
    expect(phone.unacknowledged).toHaveLength(2);
    phone.release();
    await until('both', () => client.messages.length === 2);
    expect(client.messages.map(({ text, type }) => [text, type])).toEqual([
      ['first', 'notify'],
      ['second', 'notify'],
    ]);
  });

  it('make a customer ask for a message again, which arrives once', async () => {
    const { client, rudo } = await linked();
    rudo.failNext = 1;
    const id = await client.send(rudo.pn, 'Once');
    await until('the message', () => rudo.received.length === 1);
    expect(rudo.arrivals.map((arrival) => arrival.id)).toEqual([id, id]);
    expect(rudo.received).toMatchObject([{ id, text: 'Once' }]);
  });
});

describe('Delivery', () => {
  it('keeps what comes while the device is away, and brings it once, as old', async () => {
    const { client, phone, rudo } = await linked();
    await client.stop();
    await until('the device to be away', () => !phone.online);
    for (const text of ['one', 'two', 'three']) await rudo.write(phone, { text });
    await client.login();
    await until('all three', () => client.messages.length === 3);
    expect(client.messages.map(({ text, type }) => [text, type])).toEqual([
      ['one', 'append'],
      ['two', 'append'],
      ['three', 'append'],
    ]);
    await until('the acknowledgements', () => phone.unacknowledged.length === 0);
    phone.close(428);
    await client.login();
    await rudo.write(phone, { text: 'four' });
    await until('the next one', () => client.messages.length === 4);
    expect(client.messages.at(-1)).toMatchObject({ text: 'four', type: 'notify' });
  });

  it('brings again what the device took but did not acknowledge', async () => {
    const blocked = gate();
    const { client, phone, rudo } = await linked();
    await client.stop();
    let taken = 0;
    await client.login(decrypting(async (decrypt) => ((taken += 1), await blocked.opened, decrypt())));
    const id = await rudo.write(phone, { text: 'Do not lose me' });
    await until('the device to have it', () => taken === 1);
    expect(phone.unacknowledged).toEqual([id]);
    phone.close(428);
    await client.login();
    await until('the message', () => client.messages.length === 1);
    expect(client.messages[0]).toMatchObject({ id, type: 'append' });
    await until('the acknowledgement', () => phone.acknowledged.has(id));
    blocked.open();
  });

  it('brings a message anew that the device decrypted but did not acknowledge', async () => {
    const { client, phone, rudo } = await linked();
    await client.send(rudo.pn, 'From now on sessions are settled');
    await until('the message', () => rudo.received.length === 1);
    await client.stop();
    const crash = gate();
    let decrypted = 0;
    await client.login(
      decrypting(async (decrypt) => {
        const plaintext = await decrypt();
        decrypted += 1;
        await crash.opened;
        return plaintext;
      }),
    );
    const id = await rudo.write(phone, { text: 'Half taken' });
    await until('the device to have decrypted it', () => decrypted === 1);
    phone.close(428);
    await client.login();
    await until('the message', () => client.messages.length === 1);
    expect(client.upserts.filter(({ message }) => message.key.id === id)).toMatchObject([
      { message: { messageStubType: proto.WebMessageInfo.StubType.CIPHERTEXT } },
      { message: { message: { conversation: 'Half taken' } } },
    ]);
    crash.open();
  });

  it('loses a first message that the device decrypted but neither stored nor acknowledged, as WhatsApp does', async () => {
    const { client, phone, rudo } = await linked();
    await client.stop();
    const crash = gate();
    let decrypted = 0;
    await client.login(
      decrypting(async (decrypt) => {
        const plaintext = await decrypt();
        decrypted += 1;
        await crash.opened;
        return plaintext;
      }),
    );
    const id = await rudo.write(phone, { text: 'My first words' });
    await until('the device to have decrypted it', () => decrypted === 1);
    phone.close(428);
    await client.login();
    // Baileys nacks a repeated pkmsg ("Key used already") instead of asking for it again.
    await until('the refusal', () => phone.refused.has(id));
    expect(phone.refused.get(id)).toBe('487');
    expect(client.messages).toEqual([]);
    crash.open();
  });

  it('sends what cannot be decrypted again when it is asked, under the same id', async () => {
    const { client, phone, rudo } = await linked();
    const id = await rudo.write(phone, { text: 'Second try' }, { undecryptable: true });
    await until('the message', () => client.messages.length === 1);
    expect(client.messages[0]).toMatchObject({ id, text: 'Second try' });
    expect(client.upserts.filter(({ message }) => message.key.id === id)).toHaveLength(2);
    await until('the acknowledgement', () => phone.acknowledged.has(id));
    expect(phone.unacknowledged).toEqual([]);
  });

  it('can double a stanza', async () => {
    const { client, phone, rudo } = await linked();
    await client.send(rudo.pn, 'Hello');
    await until('the message', () => rudo.received.length === 1);
    const id = await rudo.write(phone, { text: 'Echo' }, { twice: true });
    await until('the second time', () => client.messages.length === 2);
    expect(client.messages.map((message) => message.id)).toEqual([id, id]);
  });

  it('renews sessions that the device has lost', async () => {
    const { client, phone, rudo } = await linked();
    await rudo.write(phone, { text: 'before' });
    await until('the message', () => client.messages.length === 1);
    await client.stop();
    const session = `${rudo.lidUser}_1.0`;
    await client.state.keys.set({ session: { [session]: null } });
    await client.login();
    await client.send(rudo.pn, 'a new session');
    await until('the message', () => rudo.received.length === 1);
    await rudo.write(phone, { text: 'after' });
    await until('the message', () => client.messages.length === 2);
    expect(client.messages.map(({ text }) => text)).toEqual(['before', 'after']);
  });
});
