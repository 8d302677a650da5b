import { newId } from '@soko/common';
import { ApiClient } from '@soko/testing';
import type { Browser, Locator, Page } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { hasBrowser, openBrowser, shoot } from './support/browser.js';
import { startTestStack, type TestStack } from './support/stack.js';

let env: TestStack;
let browser: Browser;
beforeAll(async () => {
  if (!hasBrowser) return;
  env = await startTestStack();
  browser = await openBrowser();
});
afterAll(async () => {
  await browser?.close();
  await env?.stop();
});

/** The page holds what is near the window, and no more: so it is scrolled, as people do, until the operation is there. */
async function find(page: Page, operation: string): Promise<Locator> {
  const block = page.locator(`[id$="-${operation}"]`);
  await page.evaluate('scrollTo(0, 0)');
  await expect
    .poll(
      async () => {
        if ((await block.count()) > 0) return true;
        await page.evaluate('scrollBy(0, 500)');
        return false;
      },
      { interval: 100 },
    )
    .toBe(true);
  return block;
}

/** Presses "Try it out" and "Execute" on one operation. @returns the status and body that the page shows */
async function tryOut(page: Page, operation: string, body?: object): Promise<{ status: string; text: string }> {
  const block = await find(page, operation);
  await block.locator('.opblock-summary').click();
  await block.getByRole('button', { name: 'Try it out' }).click();
  if (body) await block.locator('textarea.body-param__text').fill(JSON.stringify(body));
  await block.getByRole('button', { name: 'Execute', exact: true }).click();
  const answer = block.locator('.live-responses-table .response').first();
  await answer.waitFor();
  const status = await answer.locator('.response-col_status').innerText();
  const text = await answer.locator('.response-col_description').innerText();
  return { status: status.trim().split(/\s/)[0]!, text };
}

async function authorise(page: Page, scheme: string, value: string): Promise<void> {
  await page.locator('.auth-wrapper').getByRole('button', { name: 'Authorize' }).first().click();
  const dialog = page.locator('.dialog-ux');
  const form = dialog.locator('.auth-container').filter({ hasText: scheme });
  await form.locator('input').fill(value);
  await form.getByRole('button', { name: 'Apply credentials' }).click();
  await dialog.getByRole('button', { name: 'Close', exact: true }).last().click();
}

test.skipIf(!hasBrowser)('somebody new registers, authorises and tries the API out, all on the page', async () => {
  const page = await (await browser.newContext({ viewport: { width: 1280, height: 900 } })).newPage();
  page.setDefaultTimeout(20_000);
  const faults: string[] = [];
  page.on('pageerror', (error) => faults.push(error.message));
  await page.goto(`${env.baseUrl}/docs`);
  await page.getByRole('heading', { name: /^Soko/ }).waitFor();
  await shoot(page, 'docs', true);

  const registered = await tryOut(page, 'auth_register', {
    email: `${newId()}@example.com`,
    password: 'correct-horse',
    name: 'Owner',
    merchant: { name: 'Mbare Market' },
  });
  expect(registered.status).toBe('201');
  const token = /"accessToken": "([^"]+)"/.exec(registered.text)![1]!;
  await authorise(page, 'bearer', token);
  expect(await tryOut(page, 'auth_me')).toMatchObject({ status: '200', text: expect.stringContaining('Mbare Market') });
  // As they stand, with the examples that the page fills in.
  expect((await tryOut(page, 'products_create')).status).toBe('201');
  expect((await tryOut(page, 'audit_list')).text).toContain('"entity": "product"');
  const key = await tryOut(page, 'apiKeys_create', { name: 'Till', scopes: ['catalog:read'] });
  await shoot(page, 'docs-tried', true);

  await page.reload();
  expect((await tryOut(page, 'merchant_get')).status).toBe('200');
  const other = await (await browser.newContext()).newPage();
  await other.goto(`${env.baseUrl}/docs`);
  await authorise(other, 'apiKey', /"key": "(sk_[^"]+)"/.exec(key.text)![1]!);
  expect(await tryOut(other, 'products_list')).toMatchObject({ status: '200', text: expect.stringContaining('MAIZE-10') });
  expect((await tryOut(other, 'orders_list')).status).toBe('403');
  expect(faults).toEqual([]);
});

test('the page and the document are there without signing in', async () => {
  if (!hasBrowser) env = await startTestStack();
  const document = await new ApiClient(env.baseUrl).ok<{ openapi: string; tags: object[] }>('GET', '/docs-json');
  expect(document.openapi).toMatch(/^3\./);
  expect(document.tags.length).toBeGreaterThan(8);
  expect((await fetch(`${env.baseUrl}/docs`)).status).toBe(200);
});
