import type { BroadcastOutlook, BroadcastTemplate, Segment } from '@soko/broadcasts';
import { fitsVariable, type TemplateVariable } from '@soko/templates';
import { pageOf } from './catalogue-view.js';
import { plain } from './input.js';
import * as say from './say.js';
import { helpButton, moreRow } from './staff-orders.js';
import { type BroadcastDraft, READY, type StaffState } from './staff-state.js';
import { mayBroadcast, type StaffPart, type StaffSpeaker, type StaffTurn } from './staff-turn.js';
import { tapOn } from './staff-words.js';

/* A broadcast, step by step: the template, who gets it, what is to be said of it, a look at it, and a last word. */

/** Who can be written to: all who agreed, of them those who ordered lately, or did not since; or with a tag, `tag:wholesale`. */
const GROUPS = ['all', 'recent', 'lapsed'] as const;
type Group = (typeof GROUPS)[number];
const LATELY_MS = 30 * 24 * 3_600_000;

export function segmentOf(audience: string, now: Date): Segment {
  const since = new Date(now.getTime() - LATELY_MS).toISOString();
  const groups: Record<Group, Segment> = { all: {}, recent: { orderedSince: since }, lapsed: { orderedBefore: since } };
  return isGroup(audience) ? groups[audience] : { tags: [audience.slice('tag:'.length)] };
}

const isGroup = (audience: string): audience is Group => (GROUPS as readonly string[]).includes(audience);

type Drafting = Extract<StaffState, { draft: BroadcastDraft }>;
type Previewed = Extract<StaffState, { step: 'preview' }>;
const isDrafting = (state: StaffState): state is Drafting => state.step === 'broadcast' || state.step === 'preview';

/** Whether a message may be about a broadcast that is being made. */
export const makesBroadcast = ({ data, want }: Asked, state: StaffState): boolean =>
  mayBroadcast(data) && (want?.verb === 'broadcast' || state.step === 'templates' || isDrafting(state));

/** As much of a turn as is known before its data are. */
export type Asked = Pick<StaffTurn, 'heard' | 'want'> & { data: Pick<StaffTurn['data'], 'member' | 'broadcasts'> };

const called = ({ data }: Asked, id: string): BroadcastTemplate | undefined =>
  data.broadcasts?.templates.find((template) => template.id === id);

/** "broadcast", "broadcast spring_sale", or a tapped template. */
export function begin(turn: StaffTurn, words: string): StaffPart {
  if (!words) return templates(turn, 0);
  const template = called(turn, words) ?? turn.data.broadcasts?.templates.find(({ name }) => plain(name) === plain(words));
  return template ? ask(turn, { templateId: template.id, values: {} }) : templates(turn, 0, turn.speak.say('templateGone'));
}

/** A page of what can be sent. */
export function templates({ data, speak }: StaffTurn, page: number, hint?: string): StaffPart {
  const all = data.broadcasts?.templates ?? [];
  if (all.length === 0) return { state: READY, replies: [say.buttons([helpButton(speak)], [speak.say('noTemplates')])] };
  const { at, pages, shown } = pageOf(all, page);
  const rows = [
    ...shown.map(({ id, name }) => say.row(tapOn('broadcast', id), name)),
    ...moreRow(speak, at, pages),
    say.row(tapOn('help'), speak.say('help')),
  ];
  const lines = [hint, speak.say('whichTemplate')];
  return { state: { step: 'templates', page: at }, replies: [say.list(speak.say('show'), [{ rows }], lines)] };
}

/** What the draft lacks is asked for; what lacks nothing is shown. */
function ask(turn: StaffTurn, draft: BroadcastDraft, hint?: string): StaffPart {
  const template = called(turn, draft.templateId);
  if (!template) return templates(turn, 0, turn.speak.say('templateGone'));
  if (draft.audience === undefined) return audiences(turn, draft, 0, hint);
  const variable = openIn(template, draft);
  if (!variable) return preview(turn, template, { ...draft, audience: draft.audience }, hint);
  const example = say.clip(variable.example, 200);
  const question = turn.speak.say('askValue', { name: variable.name, example });
  return { state: { step: 'broadcast', draft, page: 0 }, replies: [say.text(hint, question)] };
}

/** The first variable that nothing was said of. */
const openIn = ({ needs }: BroadcastTemplate, { values }: BroadcastDraft): TemplateVariable | undefined =>
  needs.find(({ name }) => !Object.hasOwn(values, name));

function audiences(turn: StaffTurn, draft: BroadcastDraft, page: number, hint?: string): StaffPart {
  const { data, speak } = turn;
  const all = [...GROUPS, ...(data.broadcasts?.tags ?? []).map((tag) => `tag:${tag}`)];
  const { at, pages, shown } = pageOf(all, page);
  const rows = [
    ...shown.map((audience) => say.row(`${TO}${audience}`, ...wordsFor(speak, audience))),
    ...moreRow(speak, at, pages),
    say.row(tapOn('help'), speak.say('help')),
  ];
  const question = speak.say('whoGetsIt', { template: say.clip(called(turn, draft.templateId)?.name ?? '', 60) });
  const { audience: _, ...rest } = draft;
  return {
    state: { step: 'broadcast', draft: rest, page: at },
    replies: [say.list(speak.say('show'), [{ rows }], [hint, question])],
  };
}

/** The id of a row that says who gets it. */
const TO = 'to:';

function wordsFor(speak: StaffSpeaker, audience: string): [title: string, description: string] {
  if (isGroup(audience)) return [speak.say(audience), speak.say(`${audience}Hint`)];
  const tag = audience.slice('tag:'.length);
  return [tag, speak.say('withTag', { tag })];
}

/** The message as the first customer will get it, how many they are, and what to know before. */
function preview(turn: StaffTurn, template: BroadcastTemplate, draft: Required<BroadcastDraft>, hint?: string): StaffPart {
  const { data, speak } = turn;
  const outlook = data.broadcasts?.outlook;
  if (!outlook) return templates(turn, 0, hint);
  if ('refused' in outlook) return refused(turn, outlook.refused);
  if (outlook.recipients === 0) return audiences(turn, draft, 0, speak.say('nobody'));
  const key = data.messageId;
  const [first] = outlook.examples;
  const lines = [
    hint,
    speak.say('goesTo', { count: outlook.recipients, group: say.clip(wordsFor(speak, draft.audience)[0], 60) }),
    ...outlook.warnings.map(({ code, count }) => speak.say(code, { count })),
    outlook.faults[0] && speak.say('someGetNothing', { reason: say.clip(outlook.faults[0], 200) }),
  ];
  const choices = [
    { id: tapOn('yes', key), title: speak.say('sendIt') },
    { id: tapOn('no'), title: speak.say('dropIt') },
  ];
  return {
    state: { step: 'preview', draft, shown: { edition: template.edition, recipients: outlook.recipients, key } },
    replies: [
      ...(first?.text ? [{ type: 'text', text: { body: say.clip(first.text, 4096) } } as const] : []),
      say.buttons(choices, lines),
    ],
  };
}

/** The values make no message that WhatsApp takes, or there is no channel to send it by. */
const refused = ({ speak }: StaffTurn, reason: string): StaffPart => ({
  state: READY,
  replies: [
    say.buttons(
      [{ id: tapOn('broadcast'), title: speak.say('broadcast') }, helpButton(speak)],
      [speak.say('failed', { reason: say.clip(reason, 500) })],
    ),
  ],
});

/** The answer to a question of this file; nothing where it is none. */
export function inStep(turn: StaffTurn, state: StaffState): StaffPart | undefined {
  if (!mayBroadcast(turn.data) || !(state.step === 'templates' || isDrafting(state))) return undefined;
  const way = wayOut(turn);
  if (way === 'cancel') return { state: READY, replies: [say.buttons([helpButton(turn.speak)], [turn.speak.say('notSent')])] };
  if (way === 'back') return back(turn, state);
  if (way === 'help' || !isDrafting(state)) return undefined;
  const draft = answered(turn, state);
  if (draft) return ask(turn, draft);
  if (state.step === 'preview') return isYes(turn) ? decide(turn, state) : undefined;
  // Whatever is written here is meant to be the value.
  return asksValue(turn, state) && turn.heard.words ? ask(turn, state.draft, turn.speak.say('notLikeThat')) : undefined;
}

/** What was asked last, once more: what was said is no answer to it. Nothing where no broadcast is being made. */
export function again(turn: StaffTurn, state: StaffState, hint: string): StaffPart | undefined {
  if (!mayBroadcast(turn.data)) return undefined;
  if (state.step === 'templates') return templates(turn, state.page, hint);
  return isDrafting(state) ? ask(turn, state.draft, hint) : undefined;
}

/** The next page of what is being chosen from. */
export function more(turn: StaffTurn, state: StaffState): StaffPart | undefined {
  if (!mayBroadcast(turn.data)) return undefined;
  if (state.step === 'templates') return templates(turn, state.page + 1);
  if (state.step !== 'broadcast') return undefined;
  const asksWho = state.draft.audience === undefined && called(turn, state.draft.templateId);
  return asksWho ? audiences(turn, state.draft, state.page + 1) : ask(turn, state.draft);
}

/** What leads out of here. Among words that may be a value it must be the whole message, and without a typing error. */
function wayOut({ heard, want }: Asked): 'cancel' | 'back' | 'help' | undefined {
  const isExact = heard.tapped !== undefined || heard.intent !== undefined;
  if (!want || !isExact || want.rest || want.number !== undefined) return undefined;
  if (want.verb === 'no') return heard.intent === 'back' ? 'back' : 'cancel';
  return want.verb === 'cancel' || want.verb === 'help' ? want.verb : undefined;
}

/** One question back; before the first one are all choices. */
function back(turn: StaffTurn, state: StaffState): StaffPart | undefined {
  if (!isDrafting(state)) return undefined;
  const { templateId, audience, values } = state.draft;
  if (audience === undefined) return templates(turn, 0);
  const said = Object.entries(values);
  return ask(
    turn,
    said.length > 0 ? { templateId, audience, values: Object.fromEntries(said.slice(0, -1)) } : { templateId, values },
  );
}

const asksValue = (asked: Asked, { step, draft }: Drafting): boolean => {
  const template = called(asked, draft.templateId);
  return step === 'broadcast' && draft.audience !== undefined && template !== undefined && openIn(template, draft) !== undefined;
};

/** The draft with what this message says of it; nothing where it says nothing. */
function answered(asked: Asked, state: Drafting): BroadcastDraft | undefined {
  const { heard, data } = asked;
  const { draft } = state;
  const template = called(asked, draft.templateId);
  if (!template || wayOut(asked)) return undefined;
  const tags = (data.broadcasts?.tags ?? []).map((tag) => `tag:${tag}`);
  const tapped = [...GROUPS, ...tags].find((audience) => heard.tapped === `${TO}${audience}`);
  if (tapped) return { ...draft, audience: tapped };
  if (!heard.words) return undefined;
  if (draft.audience === undefined) {
    const named = tags.find((tag) => plain(tag) === `tag:${heard.plain}`);
    return named === undefined ? undefined : { ...draft, audience: named };
  }
  const variable = state.step === 'broadcast' ? openIn(template, draft) : undefined;
  if (!variable || !fitsVariable(variable, heard.words)) return undefined;
  return { ...draft, values: { ...draft.values, [variable.name]: heard.words } };
}

/** What is to be looked at before this message is answered: the broadcast that it completes, or that it is the last word on. */
export function draftMeant(asked: Asked, state: StaffState): { name: string; draft: Required<BroadcastDraft> } | undefined {
  if (!isDrafting(state)) return undefined;
  const { audience, ...draft } = answered(asked, state) ?? state.draft;
  const template = called(asked, draft.templateId);
  return template && audience !== undefined && !openIn(template, draft)
    ? { name: template.name, draft: { ...draft, audience } }
    : undefined;
}

const isYes = ({ want }: StaffTurn): boolean =>
  want !== undefined && want.number === undefined && (want.verb === 'yes' || want.verb === 'confirm');

/** A last word to what was shown. What has become another thing since is shown again. */
function decide(turn: StaffTurn, { draft, shown }: Previewed): StaffPart {
  const { data, heard, speak, want } = turn;
  const template = called(turn, draft.templateId);
  const outlook = data.broadcasts?.outlook;
  // A button of an older look at it is no answer to this one.
  if (heard.tapped !== undefined && want?.rest !== shown.key) return ask(turn, draft);
  if (template && template.edition !== shown.edition) return ask(turn, draft, speak.say('templateChanged'));
  if (!template || !outlook || openIn(template, draft) || !isSendable(outlook)) return ask(turn, draft);
  if (outlook.recipients > Math.ceil(shown.recipients * MUCH))
    return ask(turn, draft, speak.say('manyMore', { count: shown.recipients }));
  const { audience, values } = draft;
  return { state: READY, replies: [], commands: [{ do: 'broadcast', name: template.name, values, audience }] };
}

/** More than so many times as many is another broadcast than the one that was shown. */
const MUCH = 1.1;

const isSendable = (outlook: BroadcastOutlook | { refused: string }): outlook is BroadcastOutlook =>
  'recipients' in outlook && outlook.recipients > 0;

/** "stop broadcast" and "resume broadcast", or a tap that names the broadcast. */
export const steer = (paused: boolean, id?: string): StaffPart => ({
  state: READY,
  replies: [],
  commands: [{ do: 'steer-broadcast', paused, ...(id ? { id } : {}) }],
});
