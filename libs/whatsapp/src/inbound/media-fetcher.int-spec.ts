import { randomBytes } from 'node:crypto';
import { newId } from '@soko/common';
import { Settings } from '@soko/config';
import type { InboundContent } from '@soko/contracts';
import { MediaService } from '@soko/media';
import { ChannelService, MessageStore } from '@soko/messaging';
import { Log } from '@soko/observability';
import { type Integration, until, withClient } from '@soko/testing';
import sharp from 'sharp';
import { expect, test } from 'vitest';
import { nextNumber, setup as setupWeb } from '../../../../test/support/baileys.js';
import { PHONE, setup as setupCloud } from '../../../../test/support/cloud.js';
import { CloudClient } from '../cloud/cloud.client.js';
import { InboundFiles } from './inbound-files.js';
import { InboundService } from './inbound.service.js';
import { MediaFetcher } from './media-fetcher.js';

/** What a worker does with what waits to be fetched. */
function fetching({ module, tenancy, system, databaseUrl }: Integration) {
  const db = async <R>(sql: string): Promise<R[]> =>
    withClient(databaseUrl, async (client) => (await client.query(sql)).rows as R[]);
  const media = module.get(MediaService);
  const files = new InboundFiles(module.get(ChannelService), module.get(CloudClient), module.get(Settings));
  const fetcher = new MediaFetcher(tenancy, files, media, module.get(Log));
  const waiting = () =>
    system.query<{ merchantId: string; messageId: string; attempts: number; later: boolean }>(
      `SELECT merchant_id AS "merchantId", message_id AS "messageId", attempts, due_at > now() AS later FROM pending_media`,
    );
  return {
    media,
    db,
    /** As a worker leaves it that dies between the file and the row. */
    again: () =>
      db('INSERT INTO pending_media (merchant_id, message_id, channel_id) SELECT merchant_id, id, channel_id FROM messages'),
    waiting,
    fetch: async () => {
      for (const { merchantId, messageId } of await waiting()) await fetcher.run({ merchantId, messageId });
    },
    contents: () =>
      db<{ id: string; content: Record<string, { mediaId?: string; mimeType?: string; unavailable?: string }> }>(
        `SELECT id, content FROM messages WHERE type <> 'text' ORDER BY id`,
      ),
  };
}

const picture = (): Promise<Buffer> =>
  sharp(randomBytes(40 * 30 * 3), { raw: { width: 40, height: 30, channels: 3 } })
    .jpeg()
    .toBuffer();

async function cloud() {
  const house = await setupCloud();
  const store = house.module.get(MessageStore);
  const { merchantId, channel, number } = house;
  return {
    ...house,
    ...fetching(house),
    /** A customer's message with a file that lies with Meta. */
    arrives: async (bytes: Buffer, mimeType: string, content: InboundContent) => {
      const { id } = number.media.add({ bytes, mimeType, source: 'received' });
      const incoming = { waMessageId: `wamid.${newId()}`, from: { phone: PHONE }, content, media: { id } };
      await house.tenancy.run(merchantId, (tx) => store.receive(tx, channel.id, incoming));
      return id;
    },
  };
}

test('a picture by the Cloud API comes home, once, however often it is fetched', async () => {
  const { arrives, fetch, contents, media, merchantId, waiting, again } = await cloud();
  const bytes = await picture();
  await arrives(bytes, 'image/jpeg', { type: 'image', image: { caption: 'This one', mimeType: 'image/jpeg' } });
  const [before] = await waiting();
  expect(before).toMatchObject({ merchantId, attempts: 0, later: false });
  await fetch();
  const [message] = await contents();
  expect(message!.content).toEqual({
    type: 'image',
    image: { caption: 'This one', mimeType: 'image/jpeg', mediaId: message!.id },
  });
  expect(await media.get(merchantId, message!.id)).toMatchObject({ kind: 'image', origin: 'inbound', size: bytes.length });
  expect(await waiting()).toEqual([]);
  await again();
  await fetch();
  expect((await media.list(merchantId, { limit: 10 })).data).toHaveLength(1);
});

test('what Meta has forgotten, and what is not taken, is said in the message', async () => {
  const { arrives, fetch, contents, number, waiting } = await cloud();
  const id = await arrives(await picture(), 'image/jpeg', { type: 'image', image: {} });
  number.media.delete(id);
  await arrives(Buffer.from('MZ\x90\0 a program'.padEnd(600, 'x')), 'application/pdf', {
    type: 'document',
    document: { filename: 'a.pdf' },
  });
  await fetch();
  const [gone, program] = await contents();
  expect(gone!.content.image).toEqual({ unavailable: expect.stringMatching(/.{10,}/) });
  expect(program!.content.document).toMatchObject({ filename: 'a.pdf', unavailable: expect.stringContaining('not taken') });
  expect(await waiting()).toEqual([]);
});

test('while Meta is away it is tried again later, and not at once', async () => {
  const { arrives, fetch, contents, graph, waiting, system } = await cloud();
  await arrives(Buffer.from('%PDF-1.7'), 'application/pdf', { type: 'document', document: {} });
  await graph.close();
  await fetch();
  expect(await waiting()).toMatchObject([{ attempts: 1, later: true }]);
  await fetch();
  expect(await waiting()).toMatchObject([{ attempts: 1 }]);
  await system.query('UPDATE pending_media SET attempts = 11, due_at = now()');
  await fetch();
  expect((await contents())[0]!.content.document).toEqual({ unavailable: 'The file could not be fetched.' });
});

test('a picture by WhatsApp Web is decrypted, and lies with WhatsApp or nowhere', async () => {
  const house = await setupWeb();
  const { fetch, contents, media, db, again } = fetching(house);
  const { phone } = await house.linked();
  const rudo = house.server.customer(nextNumber());
  const bytes = await picture();
  await rudo.write(phone, { image: { bytes, caption: 'Here' } });
  await until('in the journal', async () => (await house.journalled()).length === 1);
  const { merchantId } = house;
  await house.module.get(InboundService).drain({ merchantId, channelId: house.id });
  await fetch();
  const [message] = await contents();
  expect(message!.content.image).toMatchObject({ mediaId: message!.id, caption: 'Here' });
  expect(await media.get(merchantId, message!.id)).toMatchObject({ kind: 'image', size: bytes.length });
  // A customer’s phone may name any host.
  await db(`UPDATE messages SET media = jsonb_set(media, '{url}', '"http://169.254.169.254/latest"')`);
  await again();
  await fetch();
  expect((await contents())[0]!.content.image).toMatchObject({ unavailable: 'The file does not lie with WhatsApp.' });
});
