import { Readable } from 'node:stream';
import { newId, NotFoundError } from '@soko/common';
import { MediaInUseError, MediaService } from '@soko/media';
import { integration, parallel } from '@soko/testing';
import sharp from 'sharp';
import { expect, test } from 'vitest';
import { NotAPictureError, TooManyPicturesError } from './catalog.errors.js';
import { CatalogModule } from './catalog.module.js';
import { MAX_PICTURES, ProductMediaService } from './product-media.service.js';
import { ProductService } from './product.service.js';

async function setup() {
  const house = await integration({ imports: [CatalogModule] });
  const merchantId = await house.shop();
  const [products, gallery, media] = [
    house.module.get(ProductService),
    house.module.get(ProductMediaService),
    house.module.get(MediaService),
  ];
  const price = { amount: 100, currency: 'USD' };
  let shade = 0;
  const picture = async (of = merchantId): Promise<string> => {
    const background = { r: (shade += 1), g: 0, b: 0 };
    const bytes = await sharp({ create: { width: 8, height: 8, channels: 3, background } })
      .png()
      .toBuffer();
    return (await media.take(of, Readable.from([bytes]), { filename: `${shade}.png` }, 'upload')).id;
  };
  const { id } = await products.create(merchantId, { sku: 'RICE', name: 'Rice', price, stock: 5 });
  return {
    ...house,
    merchantId,
    products,
    gallery,
    media,
    price,
    productId: id,
    picture,
    put: (mediaId: string, position?: number) => gallery.put(merchantId, id, { mediaId, position }),
    order: async () => (await gallery.list(merchantId, id)).map((each) => each.id),
    ready: (...ids: string[]) =>
      house.system.query(
        `UPDATE media_blobs b SET status = 'ready' FROM media_files f WHERE f.blob_id = b.id AND f.id = ANY ($1::uuid[])`,
        [ids],
      ),
    told: async () =>
      (
        await house.tenancy.run(merchantId, (tx) =>
          tx.query<{ data: { changes: object } }>('SELECT data FROM events ORDER BY id'),
        )
      ).at(-1)!.data.changes,
  };
}

test('pictures stand in the order that the merchant gives them', async () => {
  const { put, picture, order, told, gallery, merchantId, productId } = await setup();
  const [a, b, c] = [await picture(), await picture(), await picture()];
  await put(a);
  await put(b);
  expect(await put(c, 0)).toMatchObject([
    { id: c, position: 0, kind: 'image', url: expect.any(String) },
    { id: a, position: 1 },
    { id: b, position: 2 },
  ]);
  expect(await told()).toEqual({ media: [c, a, b] });
  await put(c, 2);
  expect(await order()).toEqual([a, b, c]);
  await put(b, 9);
  expect(await order()).toEqual([a, c, b]);
  await gallery.remove(merchantId, productId, c);
  expect(await order()).toEqual([a, b]);
  expect(await told()).toEqual({ media: [a, b] });
  await gallery.remove(merchantId, productId);
  expect(await order()).toEqual([]);
});

test('ten at once are ten, each in a place of its own; an eleventh is refused', async () => {
  const { put, picture, order } = await setup();
  const ids = await Promise.all(Array.from({ length: MAX_PICTURES }, () => picture()));
  await parallel(MAX_PICTURES, (index) => put(ids[index]!, 0));
  expect((await order()).toSorted()).toEqual(ids.toSorted());
  await expect(put(await picture())).rejects.toThrow(TooManyPicturesError);
  await put(ids[3]!, 0);
  expect((await order())[0]).toBe(ids[3]);
});

test('a file of a product cannot be deleted before it is taken away from it', async () => {
  const { put, picture, media, merchantId, gallery, productId } = await setup();
  const id = await picture();
  await put(id);
  const refusal = media.delete(merchantId, id);
  await expect(refusal).rejects.toThrow(MediaInUseError);
  await expect(refusal).rejects.toThrow(/Rice/);
  await gallery.remove(merchantId, productId, id);
  await media.delete(merchantId, id);
  await expect(put(id)).rejects.toThrow(NotFoundError);
});

test('only pictures that can be shown, of the same merchant', async () => {
  const { put, picture, shop, media, merchantId, gallery, productId, system } = await setup();
  const text = await media.take(merchantId, Readable.from(['prices']), { filename: 'prices.txt' }, 'upload');
  await expect(put(text.id)).rejects.toThrow(NotAPictureError);
  const broken = await picture();
  await system.query(`UPDATE media_blobs b SET status = 'failed' FROM media_files f WHERE f.blob_id = b.id AND f.id = $1`, [
    broken,
  ]);
  await expect(put(broken)).rejects.toThrow(NotAPictureError);
  const other = await shop();
  await expect(put(await picture(other))).rejects.toThrow(NotFoundError);
  await expect(put(newId())).rejects.toThrow(NotFoundError);
  for (const [merchant, product] of [
    [other, productId],
    [merchantId, newId()],
  ] as const) {
    await expect(gallery.list(merchant, product)).rejects.toThrow(NotFoundError);
    await expect(gallery.remove(merchant, product)).rejects.toThrow(NotFoundError);
    await expect(gallery.put(merchant, product, { mediaId: text.id })).rejects.toThrow(NotFoundError);
  }
  await expect(gallery.remove(merchantId, productId, newId())).rejects.toThrow(NotFoundError);
});

test('a product shows its first picture; customers are offered the first that is ready', async () => {
  const { put, picture, products, merchantId, productId, ready, tenancy, price } = await setup();
  const bare = await products.create(merchantId, { sku: 'OIL', name: 'Oil', price, stock: 5 });
  const [first, second] = [await picture(), await picture()];
  await put(first);
  await put(second);
  const offered = async () => {
    const all = await tenancy.run(merchantId, (tx) => products.offered(tx));
    return Object.fromEntries(all.map(({ sku, pictureId }) => [sku, pictureId]));
  };
  expect(await offered()).toEqual({ RICE: undefined, OIL: undefined });
  await ready(second);
  expect(await offered()).toEqual({ RICE: second, OIL: undefined });
  await ready(first);
  expect(await offered()).toEqual({ RICE: first, OIL: undefined });
  expect((await products.get(merchantId, productId)).picture).toMatchObject({ mediaId: first, url: expect.any(String) });
  const { data } = await products.list(merchantId, { limit: 10 });
  expect(data.map(({ id, picture: shown }) => [id, shown?.mediaId])).toEqual([
    [productId, first],
    [bare.id, undefined],
  ]);
});
