import type { ExcludedView } from './broadcasts.dto.js';

export interface Outlook {
  recipients: number;
  excluded: ExcludedView;
  channelKind: string;
  /** Whether Meta has a template that can stand in for ours. */
  hasCounterpart: boolean;
}

export interface Warning {
  code: 'nobody' | 'notOptedIn' | 'wantNone' | 'noCounterpart' | 'fewNewChats';
  /** Of the people it is about. */
  count: number;
  text: string;
}

/** What somebody should know before they start a broadcast. */
export function warningsOf({ recipients, excluded, channelKind, hasCounterpart }: Outlook): Warning[] {
  const { notOptedIn } = excluded;
  const stopped = excluded.optedOut + excluded.marketingStopped;
  const all: [applies: boolean, Warning][] = [
    [recipients === 0, { code: 'nobody', count: 0, text: 'Nobody would get it.' }],
    [
      notOptedIn > 0,
      {
        code: 'notOptedIn',
        count: notOptedIn,
        text: `${notOptedIn} of the segment have not agreed to marketing: they are left out.`,
      },
    ],
    [stopped > 0, { code: 'wantNone', count: stopped, text: `${stopped} of the segment want no marketing: they are left out.` }],
    [
      channelKind === 'cloud' && !hasCounterpart,
      {
        code: 'noCounterpart',
        count: recipients,
        text: 'The template names no counterpart at Meta: who has not written for 24 hours does not get it.',
      },
    ],
    [
      channelKind === 'baileys',
      {
        code: 'fewNewChats',
        count: recipients,
        text: 'WhatsApp Web begins few new chats a day: who has never written may wait for days.',
      },
    ],
  ];
  return all.flatMap(([applies, warning]) => (applies ? [warning] : []));
}
