import { expect, it } from 'vitest';
import { type Outlook, warningsOf } from './broadcast-warnings.js';

const NOBODY = { blocked: 0, optedOut: 0, marketingStopped: 0, notOptedIn: 0, unreachable: 0 };
const FINE: Outlook = { recipients: 3, excluded: NOBODY, channelKind: 'simulator', hasCounterpart: false };

it.each([
  ['nothing', {}, []],
  ['that nobody would get it', { recipients: 0 }, [/^Nobody/]],
  ['who has not agreed', { excluded: { ...NOBODY, notOptedIn: 12 } }, [/^12 of the segment have not agreed/]],
  ['who wants none', { excluded: { ...NOBODY, optedOut: 2, marketingStopped: 1, blocked: 7 } }, [/^3 of the segment want no/]],
  ['that Meta has none', { channelKind: 'cloud' }, [/names no counterpart at Meta/]],
  ['nothing of Meta’s when it has one', { channelKind: 'cloud', hasCounterpart: true }, []],
  ['that WhatsApp Web is slow with strangers', { channelKind: 'baileys' }, [/few new chats a day/]],
] as [string, Partial<Outlook>, RegExp[]][])('warns of %s', (_, given, warnings) => {
  expect(warningsOf({ ...FINE, ...given }).map(({ text }) => text)).toEqual(
    warnings.map((each) => expect.stringMatching(each) as string),
  );
});
