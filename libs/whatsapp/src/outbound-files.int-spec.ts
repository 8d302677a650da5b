import { Readable } from 'node:stream';
import { newId, NotFoundError } from '@soko/common';
import { MediaFailedError, MediaInUseError, MediaService } from '@soko/media';
import { ChannelService, ChatService, MessageStore, type Outgoing, ScheduleService, SendQueue } from '@soko/messaging';
import { holdShards, integration } from '@soko/testing';
import sharp from 'sharp';
import { describe, expect, it, test } from 'vitest';
import { OutboundFiles } from './outbound-files.js';
import { WhatsappModule } from './whatsapp.module.js';

const PHONE = '+263771234567';
const HOUR = 3_600_000;
const PDF = Buffer.from('%PDF-1.7');

async function setup() {
  const house = await integration({ imports: [WhatsappModule] });
  const { module, tenancy, system } = house;
  const [media, files, store, sends] = [
    module.get(MediaService),
    module.get(OutboundFiles),
    module.get(MessageStore),
    module.get(SendQueue),
  ];
  const lease = await holdShards(system);
  const shop = async () => {
    const merchantId = await house.shop();
    await module.get(ChannelService).create(merchantId, { name: 'Shop', kind: 'simulator' });
    const take = async (bytes: Buffer, filename: string) =>
      (await media.take(merchantId, Readable.from([bytes]), { filename }, 'upload')).id;
    return {
      merchantId,
      take,
      /** As it is kept when a customer sent it. */
      receive: async (bytes: Buffer) => (await media.receive(merchantId, newId(), Readable.from([bytes]), 'sticker')).id,
      check: (mediaId: string, caption?: string) => files.check(merchantId, { mediaId, ...(caption ? { caption } : {}) }),
      queue: (mediaId: string, more: Partial<Outgoing> = {}, caption?: string) =>
        tenancy.run(merchantId, (tx) =>
          store.queue(tx, { to: PHONE, content: { type: 'media', media: { mediaId, caption } }, ...more }),
        ),
      claim: (chatId: string) =>
        tenancy.run(merchantId, async (tx) => {
          const [{ shard } = { shard: 0 }] = await tx.query<{ shard: number }>('SELECT shard FROM channels');
          return sends.claim(tx, chatId, lease(shard), 'sim.');
        }),
      settle: (...[send, outcome]: [Parameters<SendQueue['settle']>[1], Parameters<SendQueue['settle']>[2]]) =>
        tenancy.run(merchantId, (tx) => sends.settle(tx, send, outcome)),
      remove: (id: string) => media.delete(merchantId, id),
      text: async (id: string) => (await module.get(ChatService).message(merchantId, id)).text,
      cancel: (id: string) => module.get(ScheduleService).cancel(merchantId, id),
    };
  };
  return { ...house, ...(await shop()), otherShop: shop };
}
const picture = (): Promise<Buffer> =>
  sharp({ create: { width: 9, height: 9, channels: 3, background: 'red' } })
    .jpeg()
    .toBuffer();

const webp = (width: number, height: number): Promise<Buffer> =>
  sharp({ create: { width, height, channels: 4, background: '#f00' } })
    .webp()
    .toBuffer();

function film(size: number): Buffer {
  const bytes = Buffer.alloc(size);
  bytes.writeUInt32BE(24);
  bytes.write('ftypisom', 4);
  bytes.writeUInt32BE(size - 24, 24);
  bytes.write('mdat', 28);
  return bytes;
}

describe('before it is queued', () => {
  it('another merchant’s file, and one that is gone, is a 404 that names it', async () => {
    const { check, queue, take, remove, otherShop } = await setup();
    const theirs = await (await otherShop()).take(PDF, 'a.pdf');
    const gone = await take(PDF, 'a.pdf');
    await remove(gone);
    for (const id of [theirs, gone, newId()]) {
      await expect(check(id)).rejects.toThrow(new NotFoundError('media', id));
      await expect(queue(id)).rejects.toThrow(new NotFoundError('media', id));
    }
  });

  it('a file that cannot be used is a 422 with the reason; one that is still processed is taken', async () => {
    const { check, take, system } = await setup();
    const id = await take(await picture(), 'red.jpg');
    await check(id, 'Fresh today');
    await system.query(`UPDATE media_blobs SET status = 'failed', reason = 'The picture is damaged.'`);
    await expect(check(id)).rejects.toThrow(new MediaFailedError(id, 'The picture is damaged.'));
  });

  it('WhatsApp’s own limits: a film of 16 MB, and not a byte more, though we store it', async () => {
    const { check, take } = await setup();
    await check(await take(film(16_000_000), 'a.mp4'), 'Look');
    await expect(check(await take(film(16_000_001), 'b.mp4'))).rejects.toMatchObject({
      status: 422,
      errors: [{ path: 'media.mediaId', message: expect.stringMatching(/16000000 bytes.*16000001/) }],
    });
  });

  it('stickers are looked at: their sides, and whether they move', async () => {
    const { check, receive } = await setup();
    await check(await receive(await webp(512, 512)));
    await expect(check(await receive(await webp(512, 400)))).rejects.toMatchObject({
      errors: [{ path: 'media.mediaId', message: expect.stringContaining('512 × 400') }],
    });
    await expect(check(await receive(await webp(512, 512)), 'Ha')).rejects.toMatchObject({ errors: [{ path: 'media.caption' }] });
  });
});

test('the text of the message is what is written under the file, else what the file is', async () => {
  const { queue, take, text } = await setup();
  const [red, pdf] = [await take(await picture(), 'IMG_0001.jpg'), await take(PDF, 'prices.pdf')];
  const queued = [await queue(red, {}, 'Fresh today'), await queue(red), await queue(pdf)];
  expect(await Promise.all(queued.map(({ id }) => text(id)))).toEqual(['Fresh today', 'Photo', 'prices.pdf']);
});

describe('while the message waits', () => {
  it('its file cannot be deleted; afterwards it can', async () => {
    const { queue, take, remove, claim, settle } = await setup();
    const id = await take(PDF, 'a.pdf');
    const [first, second] = [await queue(id), await queue(id)];
    await expect(remove(id)).rejects.toThrow(MediaInUseError);
    await settle((await claim(first.chatId))!, { kind: 'sent', waMessageId: 'sim.1' });
    await expect(remove(id)).rejects.toThrow(second.id);
    await settle((await claim(first.chatId))!, { kind: 'failed', code: 'x', message: 'x' });
    await remove(id);
  });

  it('until it is sent or taken back, when it is scheduled', async () => {
    const { queue, take, remove, cancel } = await setup();
    const id = await take(PDF, 'a.pdf');
    const { id: messageId } = await queue(id, { sendAt: new Date(Date.now() + HOUR) });
    await expect(remove(id)).rejects.toMatchObject({ status: 409, code: 'media_in_use' });
    await cancel(messageId);
    await remove(id);
  });

  it('and at the same moment one of the two is refused, and nothing breaks', async () => {
    const { queue, take, remove, merchantId, tenancy } = await setup();
    for (let round = 0; round < 10; round++) {
      const id = await take(Buffer.from(`%PDF-1.7 ${round}`), 'a.pdf');
      const [queued, removed] = await Promise.allSettled([queue(id), remove(id)]);
      expect([queued.status, removed.status].toSorted()).toEqual(['fulfilled', 'rejected']);
      const reasons: unknown[] = [queued, removed].flatMap((each) => (each.status === 'rejected' ? [each.reason] : []));
      expect(reasons[0]).toBeInstanceOf(queued.status === 'rejected' ? NotFoundError : MediaInUseError);
    }
    const waiting = await tenancy.run(merchantId, (tx) =>
      tx.query('SELECT 1 FROM pending_sends p LEFT JOIN media_files f ON f.id = p.media_id WHERE f.id IS NULL'),
    );
    expect(waiting).toEqual([]);
  });
});
