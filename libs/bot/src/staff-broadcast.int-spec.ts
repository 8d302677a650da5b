import { BroadcastProcessor, BroadcastSender } from '@soko/broadcasts';
import { TemplateService } from '@soko/templates';
import { expect, test } from 'vitest';
import { tap, text } from './bot.fixture.js';
import { AGENT, DRIVER, setupTeam } from './team.fixture.js';

const [AGREED, TAGGED, STOPPED, SILENT] = ['+263772000001', '+263772000002', '+263772000003', '+263772000004'] as const;

/** A shop with a template for a sale, and customers of whom two have agreed to hear of one. */
async function setup() {
  const team = await setupTeam();
  const { module, merchantId, receive, rows, link, say, agent } = team;
  const templates = module.get(TemplateService);
  const { id: templateId, version } = await templates.create(merchantId, {
    name: 'sale',
    type: 'text',
    language: 'en',
    category: 'marketing',
    content: { body: 'SALE, {{customer}}: {{what}}' },
    variables: [
      { name: 'customer', type: 'text', example: 'Rudo' },
      { name: 'what', type: 'text', example: 'Maize meal' },
    ],
  });
  for (const phone of [AGREED, TAGGED, STOPPED]) await receive(text('START'), { phone });
  await receive(text('STOP'), { phone: STOPPED });
  await receive(text('hi'), { phone: SILENT });
  await rows(`UPDATE contacts SET tags = '{wholesale}' WHERE phone IN ('${TAGGED}', '${STOPPED}')`);
  await link(AGENT, agent);
  const processor = new BroadcastProcessor(module.get(BroadcastSender));
  const broadcasts = () =>
    rows<{ id: string; status: string }>('SELECT id, name, status, template_name, variables, segment FROM broadcasts');
  return {
    ...team,
    templates,
    templateId,
    version,
    broadcasts,
    /** Chooses, to whom and what is said: the last two answers are what the customer will get and the question. */
    prepare: async (audience = 'to:all') => {
      const said = await say(AGENT, 'broadcast', tap(`work:broadcast:${templateId}`), tap(audience), 'Rice');
      return said.slice(-2);
    },
    /** What a worker does when the alarm rings. @returns whom it has written to. */
    run: async () => {
      for (const { id } of await broadcasts()) await processor.run({ merchantId, broadcastId: id });
      const told = await rows<{ phone: string }>(
        `SELECT c.phone FROM broadcast_recipients r JOIN messages m ON m.id = r.message_id JOIN contacts c ON c.id = r.contact_id
         WHERE m.direction = 'outbound' AND m.text = 'SALE, Rudo: Rice' ORDER BY c.phone`,
      );
      return told.map(({ phone }) => phone);
    },
  };
}

test('a broadcast from the phone reaches those who agreed, and is on record as of whoever sent it', async () => {
  const { say, prepare, run, broadcasts, rows, agent } = await setup();
  const [shown, question] = await prepare();
  expect(shown).toBe('SALE, Rudo: Rice');
  expect(question).toMatch(/goes to 2 customers \(All who agreed\)\..*2 more have not agreed.*1 more wants no offers/s);
  expect(await broadcasts()).toEqual([]);
  const sent = await say(AGENT, 'yes');
  expect(sent).toEqual([expect.stringMatching(/^It goes out now, to 2 customers\. Write “stop broadcast”/)]);
  expect(await broadcasts()).toMatchObject([
    { name: 'sale', status: 'running', template_name: 'sale', variables: { what: 'Rice' }, segment: {} },
  ]);
  expect(await run()).toEqual([AGREED, TAGGED]);
  const trail = await rows(`SELECT DISTINCT actor_type, actor_id, actor_role FROM audit_logs WHERE entity = 'broadcast'`);
  expect(trail).toEqual([{ actor_type: 'user', actor_id: agent.id, actor_role: 'agent' }]);
});

test('it goes to a tag alone; given up it goes to nobody, and “cancel” is no word about offers', async () => {
  const { say, prepare, run, broadcasts, rows } = await setup();
  await prepare();
  expect(await say(AGENT, 'cancel')).toEqual([expect.stringMatching(/^Nothing was sent/)]);
  expect(await say(AGENT, 'yes')).toEqual([expect.stringMatching(/^Hello Farai/)]);
  expect(await broadcasts()).toEqual([]);
  expect(await rows(`SELECT 1 FROM contacts WHERE phone = '${AGENT}' AND opted_out_at IS NULL`)).toHaveLength(1);
  expect((await prepare('to:tag:wholesale'))[1]).toMatch(/goes to 1 customer \(wholesale\)/);
  await say(AGENT, 'yes');
  expect(await run()).toEqual([TAGGED]);
});

test('what was shown is what is sent: a template that has changed is shown again, one that is gone is not sent', async () => {
  const { say, prepare, run, broadcasts, templates, templateId, version, merchantId } = await setup();
  await prepare();
  await templates.update(merchantId, templateId, { version, content: { body: 'SALE, {{customer}}: {{what}}', footer: 'Today' } });
  expect(await say(AGENT, 'yes')).toEqual([
    expect.stringMatching(/^SALE, Rudo: Rice\n+.*Today/s),
    expect.stringMatching(/^The template has been changed meanwhile.*goes to 2 customers/s),
  ]);
  expect(await broadcasts()).toEqual([]);
  await templates.update(merchantId, templateId, { status: 'archived' });
  expect(await say(AGENT, 'yes')).toEqual([expect.stringMatching(/^There is no template for broadcasts yet/)]);
  expect(await broadcasts()).toEqual([]);
  expect(await run()).toEqual([]);
});

test('one that goes out is stopped by a word, and goes on by the button', async () => {
  const { say, prepare, run, broadcasts } = await setup();
  await prepare();
  await say(AGENT, 'yes');
  expect(await say(AGENT, 'stop broadcast')).toEqual([expect.stringMatching(/^“sale” is stopped/)]);
  expect(await run()).toEqual([]);
  expect(await say(AGENT, 'stop broadcast')).toEqual(['No broadcast is going out now.']);
  const [made] = await broadcasts();
  const { id } = made!;
  expect(await say(AGENT, tap(`work:resume:broadcast:${id}`))).toEqual([expect.stringMatching(/^“sale” goes on/)]);
  expect(await run()).toEqual([AGREED, TAGGED]);
  await say(AGENT, 'stop broadcast');
  expect(await say(AGENT, tap(`work:pause:broadcast:${id}`))).toEqual([expect.stringMatching(/^That did not work: .*paused/)]);
});

test('a driver may not, and neither may who has become one meanwhile', async () => {
  const { say, link, prepare, driver, agent, rows, broadcasts } = await setup();
  await link(DRIVER, driver);
  expect(await say(DRIVER, 'broadcast', 'stop broadcast')).toEqual(
    Array(2).fill(expect.stringMatching(/^That is not for drivers/)),
  );
  await prepare();
  await rows(`UPDATE users SET role = 'driver' WHERE id = '${agent.id}'`);
  expect((await say(AGENT, 'yes'))[0]).toMatch(/^Hello Farai/);
  expect(await broadcasts()).toEqual([]);
});
