import { describe, expect, it } from 'vitest';
import { buttonsOf, rowsOf, tap, text, wordsOf } from './customer.fixture.js';
import { next, offer, office, onTheRoad, outlook, template, told } from './staff.fixture.js';
import { draftMeant, segmentOf } from './staff-broadcast.js';
import { hear } from './input.js';
import type { StaffAnswer } from './staff-turn.js';
import { wantOf } from './staff-words.js';

const ids = ({ replies }: StaffAnswer): string[] => rowsOf(replies).map(({ id }) => id);
const READY = { step: 'ready' };
const WHOLE = ['broadcast', 'broadcast spring_sale', 'wholesale', 'Rice', '10'].map(text);
const SENT = {
  do: 'broadcast',
  name: 'spring_sale',
  audience: 'tag:wholesale',
  values: { what: 'Rice', percent: '10' },
};
/** A look at a broadcast, at `shown`; the key of its buttons is the message's. */
const looked = () => told(office(), ...WHOLE);

describe('a broadcast', () => {
  it('is made of a template, customers, and what is to be said, each asked for', () => {
    const chosen = told(office(), text('broadcast'));
    expect(ids(chosen)).toEqual(['work:broadcast:t1', 'work:broadcast:t2', 'work:help']);
    const who = next(chosen.state, tap('work:broadcast:t1'), office());
    expect(wordsOf(who.replies)).toBe('“spring_sale”: who shall get it? Only those do who agreed to offers.');
    expect(ids(who)).toEqual(['to:all', 'to:recent', 'to:lapsed', 'to:tag:wholesale', 'to:tag:Harare', 'work:help']);
    const what = next(who.state, tap('to:recent'), office());
    expect(wordsOf(what.replies)).toBe('What shall stand for “what”? For example: Rice');
    const percent = next(what.state, text('orders and Rice'), office());
    expect(wordsOf(percent.replies)).toBe('What shall stand for “percent”? For example: 10');
    const wrong = next(percent.state, text('ten'), office());
    expect(wordsOf(wrong.replies)).toMatch(/^That does not fit\.\n\nWhat shall stand for “percent”/);
    expect(next(wrong.state, text('10'), office()).state).toMatchObject({
      step: 'preview',
      draft: { templateId: 't1', audience: 'recent', values: { what: 'orders and Rice', percent: '10' } },
    });
  });

  it('is shown as the customer will get it, with how many they are and what to know, before anything goes out', () => {
    const shown = looked();
    expect(shown.commands).toEqual([]);
    expect(shown.replies[0]).toEqual({ type: 'text', text: { body: 'Dear Rudo: Rice is 10 % off.' } });
    expect(wordsOf(shown.replies)).toMatch(/goes to 40 customers \(wholesale\)\..*2 more have not agreed/s);
    expect(buttonsOf(shown.replies).map(({ id }) => id)).toEqual(['work:yes:m1', 'work:no']);
    for (const said of [tap('work:yes:m1'), text('yes'), text('confirm'), text('OK')]) {
      const sent = next(shown.state, said, office());
      expect(sent).toMatchObject({ commands: [SENT], state: READY });
      // Once is once.
      expect(next(sent.state, said, office()).commands).toEqual([]);
    }
  });

  it('is given up by a word or a tap at any step, and goes one step back by “back”', () => {
    for (let said = 1; said <= WHOLE.length; said += 1) {
      const { state } = told(office(), ...WHOLE.slice(0, said));
      for (const no of [text('cancel'), text('no'), text('annuler'), tap('work:no')]) {
        const given = next(state, no, office());
        expect(given).toMatchObject({ commands: [], state: READY });
        expect(wordsOf(given.replies)).toMatch(/Nothing was sent/);
      }
      expect(next(state, text('menu'), office()).state).toEqual(READY);
    }
    const steps = [looked()];
    for (let n = 0; n < 5; n += 1) steps.push(next(steps.at(-1)!.state, text('back'), office()));
    expect(
      steps.map(({ replies }) => /for “(\w+)”|who shall|Which template|What shall it be/.exec(wordsOf(replies))?.[0]),
    ).toEqual([undefined, 'for “percent”', 'for “what”', 'who shall', 'Which template', 'What shall it be']);
  });

  it('is shown again, and not sent, where the template has changed or they have become many more', () => {
    const { state } = looked();
    const after = (over: Parameters<typeof offer>[0]) =>
      next(state, tap('work:yes:m1'), office({ messageId: 'm2', broadcasts: offer(over) }));
    const changed = after({ templates: [template({ edition: 't1:2' })] });
    expect(changed.commands).toEqual([]);
    expect(wordsOf(changed.replies)).toMatch(/has been changed meanwhile/);
    const again = office({ broadcasts: offer({ templates: [template({ edition: 't1:2' })] }) });
    // The button of the first look is no answer to the second one.
    expect(next(changed.state, tap('work:yes:m1'), again).commands).toEqual([]);
    expect(next(changed.state, tap('work:yes:m2'), again).commands).toEqual([SENT]);
    expect(after({ outlook: outlook({ recipients: 44 }) }).commands).toEqual([SENT]);
    expect(after({ outlook: outlook({ recipients: 3 }) }).commands).toEqual([SENT]);
    const grown = after({ outlook: outlook({ recipients: 45 }) });
    expect(grown.commands).toEqual([]);
    expect(wordsOf(grown.replies)).toMatch(/many more than the 40 of before.*goes to 45 customers/s);
    const asksMore = after({
      templates: [template({ needs: [...template().needs, { name: 'until', type: 'text', example: 'Friday' }] })],
    });
    expect(asksMore.commands).toEqual([]);
    expect(wordsOf(asksMore.replies)).toMatch(/for “until”/);
    for (const none of [{ templates: [] }, { outlook: outlook({ recipients: 0 }) }, { outlook: { refused: 'No channel.' } }])
      expect(after(none).commands).toEqual([]);
    expect(wordsOf(after({ outlook: { refused: 'No channel.' } }).replies)).toMatch(/did not work: No channel\./);
  });

  it('needs a template, and says where to make one', () => {
    const none = told(office({ broadcasts: offer({ templates: [] }) }), text('broadcast'));
    expect(wordsOf(none.replies)).toMatch(/no template for broadcasts yet\. Make one of category marketing/);
    const many = office({
      broadcasts: offer({ templates: Array.from({ length: 10 }, (_, n) => template({ id: `t${n}`, name: `sale ${n}` })) }),
    });
    const more = told(many, text('broadcast'), tap('work:more'));
    expect(ids(more)).toEqual(['work:broadcast:t8', 'work:broadcast:t9', 'work:more', 'work:help']);
    const tags = Array.from({ length: 10 }, (_, n) => `tag${n}`);
    const tagged = told(office({ broadcasts: offer({ tags }) }), text('broadcast closed'), text('more'));
    expect(ids(tagged)).toEqual([
      'to:tag:tag5',
      'to:tag:tag6',
      'to:tag:tag7',
      'to:tag:tag8',
      'to:tag:tag9',
      'work:more',
      'work:help',
    ]);
  });

  it('loses nothing by what cannot be read', () => {
    const { state } = looked();
    const audio = { type: 'audio', audio: {} } as const;
    expect(next(state, audio, office()).state).toEqual(state);
    const asked = told(office(), ...WHOLE.slice(0, 2));
    const again = next(asked.state, text('whoever'), office());
    expect(again.state).toEqual(asked.state);
    expect(wordsOf(again.replies)).toMatch(/^Sorry, I did not understand that\.\n\n“spring_sale”: who/);
    expect(next(state, text('orders'), office()).state).toMatchObject({ step: 'orders' });
  });

  it('is stopped and goes on by a word, or by the button that names it', () => {
    expect(told(office(), text('stop broadcast')).commands).toEqual([{ do: 'steer-broadcast', paused: true }]);
    expect(told(office(), text('resume broadcast')).commands).toEqual([{ do: 'steer-broadcast', paused: false }]);
    const named = tap('work:pause:broadcast:b1');
    expect(told(office(), named).commands).toEqual([{ do: 'steer-broadcast', paused: true, id: 'b1' }]);
    expect(told(office(), text('pause')).commands).toEqual([{ do: 'pause-shop', paused: true }]);
  });

  it('is for those who may send messages', () => {
    expect(wordsOf(told(onTheRoad(), text('broadcast')).replies)).toMatch(/^That is not for drivers/);
    expect(wordsOf(told(onTheRoad(), text('stop broadcast')).replies)).toMatch(/^That is not for drivers/);
    expect(ids(told(onTheRoad(), text('help')))).not.toContain('work:broadcast');
    expect(ids(told(office(), text('help')))).toContain('work:broadcast');
    // Whoever has become a driver meanwhile sends nothing that was being made.
    expect(next(looked().state, text('yes'), onTheRoad({ broadcasts: offer() })).commands).toEqual([]);
  });
});

const meant = (state: StaffAnswer['state'], said: string) => {
  const heard = hear(text(said));
  return draftMeant({ heard, want: wantOf(heard), data: office() }, state);
};

it('what is to be looked at is known before the answer: the broadcast that the message completes', () => {
  const lacking = told(office(), ...WHOLE.slice(0, -1)).state;
  const { name, audience, values } = SENT;
  expect(meant(lacking, '10')).toEqual({ name, draft: { templateId: 't1', audience, values } });
  for (const said of ['ten', 'cancel', 'back']) expect(meant(lacking, said), said).toBeUndefined();
  expect(meant(looked().state, 'yes')).toEqual({ name, draft: { templateId: 't1', audience, values } });
  expect(meant({ step: 'ready' }, '10')).toBeUndefined();
});

it('customers are all, those of the last 30 days, those of before, or those with a tag', () => {
  const now = new Date('2026-11-30T12:00:00Z');
  const since = '2026-10-31T12:00:00.000Z';
  expect(['all', 'recent', 'lapsed', 'tag:all'].map((audience) => segmentOf(audience, now))).toEqual([
    {},
    { orderedSince: since },
    { orderedBefore: since },
    { tags: ['all'] },
  ]);
});
