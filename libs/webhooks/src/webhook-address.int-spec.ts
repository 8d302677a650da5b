import { validateInput, ValidationError } from '@soko/common';
import { integration } from '@soko/testing';
import { expect, onTestFinished, test } from 'vitest';
import { AddressGuard } from './address-guard.js';
import { ALL_GOOD_URLS, BAD_URLS, GOOD_NAMES, NAMES } from './address-corpus.fixture.js';
import { startDns } from './test-dns.fixture.js';
import { CreateWebhookBody } from './webhooks.dto.js';
import { BlockedUrlError } from './webhooks.errors.js';
import { WebhookClient } from './webhook.client.js';
import { WebhookSecrets } from './webhook-secrets.js';
import { WebhookService } from './webhook.service.js';

const checked = (url: string) => validateInput(CreateWebhookBody, { url, events: ['*'] });

/** Subscriptions as the api makes them, where names lead to what the test's name server says. */
async function setup(httpsOnly = false) {
  const dns = await startDns({ ...NAMES, ...GOOD_NAMES });
  onTestFinished(dns.close);
  const guard = { provide: AddressGuard, useValue: new AddressGuard([], { resolve: dns.resolve, httpsOnly }) };
  const house = await integration({ providers: [guard, WebhookClient, WebhookSecrets, WebhookService] });
  const merchantId = await house.shop();
  const webhooks = house.module.get(WebhookService);
  return { ...house, merchantId, webhooks, create: async (url: string) => webhooks.create(merchantId, checked(url)) };
}

const refusalOf = (attempt: Promise<unknown>): Promise<ValidationError> =>
  attempt.then(
    () => Promise.reject(new Error('it was accepted')),
    (error: ValidationError) => error,
  );

test('every address and spelling of the corpus is refused where a subscription is made or changed: 422, at the url', async () => {
  const { create, webhooks, merchantId } = await setup();
  const { id } = await create('https://8.8.8.8/');
  for (const url of BAD_URLS) {
    const error = await refusalOf(create(url));
    expect(error, url).toMatchObject({ status: 422, code: 'validation_failed', errors: [{ path: 'url' }] });
    // Where it leads is for the operator's log.
    expect(error.detail, url).not.toMatch(/127\.0|169\.254|10\.0\.0|::1/);
    await expect((async () => webhooks.update(merchantId, id, checked(url)))(), url).rejects.toMatchObject({ status: 422 });
  }
  expect((await webhooks.list(merchantId, { limit: 100 })).data.map(({ url }) => url)).toEqual(['https://8.8.8.8/']);
});

test('what is refused for its address says what to do, in words that every merchant can read', async () => {
  const { create } = await setup();
  for (const url of ['https://127.0.0.1/', 'https://private.test/', 'https://mixed.test/', 'https://metadata.google.internal/'])
    expect(await refusalOf(create(url)), url).toEqual(new BlockedUrlError());
  expect(await refusalOf(create('https://8.8.8.8:22/'))).toEqual(new BlockedUrlError('port'));
});

test('good ones are accepted', async () => {
  const { create } = await setup();
  for (const url of ALL_GOOD_URLS) expect((await create(url)).url).toBe(url);
});

test('in production http is refused with a word on what to write instead', async () => {
  const { create } = await setup(true);
  expect(await refusalOf(create('http://public.test/hook'))).toEqual(new BlockedUrlError('https'));
  expect((await create('https://public.test/hook')).url).toBe('https://public.test/hook');
});
