import { describe, expect, it } from 'vitest';
import { checkFilters, type Filters } from './webhook-filters.js';
import { BadFilterError } from './webhooks.errors.js';

const check = (filters: object, ...events: string[]) => checkFilters(filters as Filters, events);

describe('checkFilters', () => {
  it.each([
    [{ channelId: '01990000-0000-7000-8000-000000000001' }, ['message_received']],
    [{ channelId: 'a', messageType: 'text' }, ['message_received']],
    [{ number: 7, status: 'pending' }, ['order_created']],
    [{ optedIn: true }, ['contact_consent_changed']],
    // Inherited from the class of all messages.
    [{ contactId: 'a' }, ['message_sent']],
    // One of the types has it: the others are kept out by it.
    [{ channelId: 'a' }, ['stock_low', 'message_received']],
    [{ channelId: 'a' }, ['*']],
    [{}, ['order_created']],
  ] as [Filters, string[]][])('takes %j of %j', (filters, events) => {
    expect(() => check(filters, ...events)).not.toThrow();
  });

  it.each([
    ['a field that the event has not', { chanelId: 'a' }, ['message_received'], /can have chanelId = "a"/],
    ['a field of other events', { sku: 'a' }, ['message_received'], /can have/],
    ['fields that no one event has together', { sku: 'a', chatId: 'b' }, ['*'], /sku = "a" and chatId = "b"/],
    ['a value that the field never has', { status: 'lost' }, ['order_created'], /can have/],
    ['a value of another kind', { number: '7' }, ['order_created'], /can have/],
    ['what holds more than one value', { total: 'a' }, ['order_created'], /can have/],
    ['a list', { items: 'a' }, ['order_created'], /can have/],
    ['what every object has', { constructor: 'a' }, ['*'], /can have/],
    ['no name at all', { '': 'a' }, ['*'], /can have/],
    ['null', { channelId: null }, ['*'], /compared with/],
    ['an object', { channelId: { a: 1 } }, ['*'], /compared with/],
    ['a list as value', { channelId: ['a'] }, ['*'], /compared with/],
    ['no number', { number: Number.NaN }, ['*'], /compared with/],
    ['a text without end', { channelId: 'x'.repeat(501) }, ['*'], /compared with/],
    ['too many', Object.fromEntries(Array.from({ length: 11 }, (_, n) => [`f${n}`, 1])), ['*'], /at most 10/],
  ] as [string, object, string[], RegExp][])('refuses %s', (_, filters, events, why) => {
    expect(() => check(filters, ...events)).toThrow(BadFilterError);
    expect(() => check(filters, ...events)).toThrow(why);
  });
});
