import { createHash } from 'node:crypto';
import { Readable } from 'node:stream';
import { newId, NotFoundError } from '@soko/common';
import { MediaInUseError, MediaModule, MediaService, withIncomingFile } from '@soko/media';
import { integration } from '@soko/testing';
import sharp from 'sharp';
import { describe, expect, test } from 'vitest';
import { NotAPhotoError, NotInTransitError, TrackingLinkError } from './deliveries.errors.js';
import { DeliveriesModule } from './deliveries.module.js';
import { DeliveryPhotoService } from './delivery-photo.service.js';
import { DeliveryService } from './delivery.service.js';
import type { By } from './delivery.store.js';
import { TrackingService } from './tracking.service.js';

const OWNER: By = { id: newId(), role: 'owner' };
const HOME = { latitude: -17.8292, longitude: 31.0522 };
const picture = (shade: number): Promise<Buffer> =>
  sharp({ create: { width: 8, height: 8, channels: 3, background: { r: shade, g: 0, b: 0 } } })
    .png()
    .toBuffer();

/** A delivery with which somebody has set out; its order stands in the books and goes nowhere. */
async function setup() {
  const house = await integration({ imports: [DeliveriesModule, MediaModule] });
  const { module, tenancy } = house;
  const merchantId = await house.shop();
  const [deliveries, tracking, media] = [module.get(DeliveryService), module.get(TrackingService), module.get(MediaService)];
  const [orderId, driverId] = [newId(), newId()];
  const order = { id: orderId, delivery: { address: '12 Samora Machel Ave', location: HOME } };
  const id = await tenancy.run(merchantId, async (tx) => {
    await tx.query(
      `INSERT INTO orders (merchant_id, id, number, status, customer_phone, total_amount, currency) VALUES ($1, $2, 7, 'confirmed', '+263771000001', 100, 'USD')`,
      [merchantId, orderId],
    );
    await tx.query(`INSERT INTO users (merchant_id, id, email, name, role) VALUES ($1, $2, 'd@x.zw', 'Tapiwa Moyo', 'driver')`, [
      merchantId,
      driverId,
    ]);
    await deliveries.follow(tx, order, 'confirmed', 'system');
    const made = await deliveries.ofOrder(tx, orderId);
    await deliveries.assign(tx, made!.id, OWNER, { driverId });
    await deliveries.start(tx, made!.id, OWNER);
    return made!.id;
  });
  const rows = <R extends object>(sql: string) => tenancy.run(merchantId, (tx) => tx.query<R>(sql));
  const token = (await deliveries.get(merchantId, id, OWNER)).trackingUrl!.split('/').at(-1)!;
  const locate = async (latitude: number) => {
    await rows(`UPDATE delivery_tasks SET located_at = located_at - interval '1 minute'`);
    await deliveries.locate(merchantId, id, OWNER, { latitude, longitude: 31 });
  };
  return {
    ...house,
    merchantId,
    deliveries,
    tracking,
    media,
    id,
    rows,
    token,
    locate,
    track: () => tracking.find(token),
    follow: (status: 'delivered' | 'cancelled') => tenancy.run(merchantId, (tx) => deliveries.follow(tx, order, status, 'owner')),
    take: async (bytes: Buffer, filename = 'door.png') =>
      (await media.take(merchantId, Readable.from([bytes]), { filename }, 'upload')).id,
    complete: (mediaId: string) => tenancy.run(merchantId, (tx) => deliveries.complete(tx, id, OWNER, mediaId)),
  };
}

describe('whoever has the link', () => {
  test('sees the shop, the order, who comes and where they are, and nothing else', async () => {
    const { track, locate } = await setup();
    await locate(-17.9);
    await locate(-17.85);
    expect(await track()).toEqual({
      shop: 'Shop',
      locale: 'en',
      orderNumber: 7,
      status: 'in_transit',
      driver: 'Tapiwa',
      destination: HOME,
      position: { latitude: -17.85, longitude: 31, at: expect.any(Date) },
      path: [
        { latitude: -17.9, longitude: 31 },
        { latitude: -17.85, longitude: 31 },
      ],
    });
  });

  test('sees of another try its own way alone, and between tries nobody', async () => {
    const { track, locate, deliveries, merchantId, id, tenancy } = await setup();
    await locate(-17.9);
    await deliveries.fail(merchantId, id, OWNER, 'Nobody at home');
    const nobody = { shop: 'Shop', locale: 'en', orderNumber: 7, destination: HOME, path: [] };
    expect(await track()).toEqual({ ...nobody, status: 'failed' });
    await deliveries.retry(merchantId, id, OWNER);
    expect(await track()).toEqual({ ...nobody, status: 'waiting' });
    await tenancy.run(merchantId, (tx) => deliveries.start(tx, id, OWNER));
    expect(await track()).toEqual({ ...nobody, status: 'in_transit' });
  });

  test.each(['delivered', 'cancelled'] as const)(
    'sees for a day that it was %s, but not where the driver went then',
    async (end) => {
      const { track, locate, follow, rows } = await setup();
      await locate(-17.9);
      await follow(end);
      const ended = await track();
      expect(ended).toMatchObject({ status: end, path: [] });
      expect([ended.position, ended.driver]).toEqual([undefined, undefined]);
      await rows(`UPDATE delivery_tasks SET closed_at = closed_at - interval '23 hours 59 minutes'`);
      expect(await track()).toEqual(ended);
      await rows(`UPDATE delivery_tasks SET closed_at = closed_at - interval '1 minute'`);
      await expect(track()).rejects.toThrow(TrackingLinkError);
    },
  );

  test('needs the very token: it is stored as a hash and sealed, and every other one is nobody’s', async () => {
    const { tracking, token, rows } = await setup();
    const [row] = await rows<{ tracking_hash: Buffer; text: string }>(
      'SELECT tracking_hash, to_jsonb(t)::text AS text FROM delivery_tasks t',
    );
    expect(row!.tracking_hash.equals(createHash('sha256').update(token).digest())).toBe(true);
    expect(row!.text).not.toContain(token);
    for (const other of ['', 'x', token.slice(1), `${token}0`, token.toUpperCase().replace(/^./, 'x'), '0'.repeat(40), '\0'])
      await expect(tracking.find(other)).rejects.toThrow(TrackingLinkError);
  });
});

describe('a photo', () => {
  test('is proof, if it is one, and stays as long as the delivery', async () => {
    const { complete, take, media, merchantId } = await setup();
    const document = await take(Buffer.from('%PDF-1.7\nx'), 'a.pdf');
    for (const mediaId of [newId(), document]) await expect(complete(mediaId)).rejects.toThrow(NotAPhotoError);
    const mediaId = await take(await picture(1));
    expect(await complete(mediaId)).toMatchObject({ status: 'delivered', proof: 'photo', photoId: mediaId });
    await expect(media.delete(merchantId, mediaId)).rejects.toThrow(new MediaInUseError(['the delivery of order #7']));
  });

  test('of another merchant is none', async () => {
    const { complete, shop, media } = await setup();
    const theirs = await media.take(await shop(), Readable.from([await picture(2)]), { filename: 'a.png' }, 'upload');
    await expect(complete(theirs.id)).rejects.toThrow(NotAPhotoError);
  });

  test('is taken on the way, by whoever brings it', async () => {
    const { module, merchantId, id, follow } = await setup();
    const photos = module.get(DeliveryPhotoService);
    const keep = async (by: By, bytes: Buffer, filename: string) =>
      withIncomingFile(Readable.from([bytes]), { filename }, (file) => photos.keep(merchantId, id, by, file, { filename }));
    expect(await keep(OWNER, await picture(3), 'door.png')).toMatchObject({ kind: 'image' });
    await expect(keep(OWNER, Buffer.from('%PDF-1.7\nx'), 'a.pdf')).rejects.toThrow(NotAPhotoError);
    await expect(keep({ id: newId(), role: 'driver' }, await picture(4), 'door.png')).rejects.toThrow(NotFoundError);
    await follow('delivered');
    await expect(keep(OWNER, await picture(5), 'door.png')).rejects.toThrow(NotInTransitError);
  });
});
