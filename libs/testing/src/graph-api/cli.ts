// `npm run mock:cloud`: Meta's Graph API on this machine, for trying the cloud transport by hand and for benches.
import { parseArgs } from 'node:util';
import { startGraphApi } from './start.js';

const HELP = `Meta's Graph API on this machine.

  --port <port>             4020 when left out; 0 takes a free one
  --seed <number>           of the faults, and of the order of webhooks
  --webhook-url <url>       where webhooks go; may be set later, see below
  --phone-number-id, --waba-id, --access-token, --app-secret, --verify-token, --display-phone
                            of the first number; made up when left out
`;

const text = { type: 'string' } as const;
const { values } = parseArgs({
  options: {
    help: { type: 'boolean', short: 'h' },
    port: text,
    seed: text,
    'webhook-url': text,
    'phone-number-id': text,
    'waba-id': text,
    'access-token': text,
    'app-secret': text,
    'verify-token': text,
    'display-phone': text,
  },
});

if (values.help) {
  console.log(HELP);
} else {
  const port = Number(values.port ?? 4020);
  const graph = await startGraphApi({ port, seed: Number(values.seed ?? 1), control: true }).catch((error: Error) => {
    console.error(`Cannot listen on port ${port}: ${error.message}`);
    process.exit(1);
  });
  const number = graph.number({
    phoneNumberId: values['phone-number-id'],
    wabaId: values['waba-id'],
    accessToken: values['access-token'],
    appSecret: values['app-secret'],
    verifyToken: values['verify-token'],
    displayPhone: values['display-phone'],
    webhookUrl: values['webhook-url'],
  });
  const { phoneNumberId, wabaId, accessToken, appSecret, verifyToken } = number;
  const config = { phoneNumberId, wabaId, accessToken, appSecret, verifyToken };
  const mock = `${graph.url}/_mock/numbers/${phoneNumberId}`;
  const json = "-H 'content-type: application/json' -d";
  console.log(`WHATSAPP_CLOUD_BASE_URL=${graph.url}

POST /api/channels
${JSON.stringify({ name: 'Mock Cloud', kind: 'cloud', phone: `+${number.displayPhone}`, config }, null, 2)}

Then tell it where that channel's webhooks go, and write as a customer:
  curl -X PATCH ${mock} ${json} '{"webhookUrl":"http://127.0.0.1:3000/webhooks/whatsapp/<channel id>"}'
  curl -X POST ${mock}/verify
  curl -X POST ${mock}/customers/+263771234567/messages ${json} '{"text":"Hi"}'
  curl ${mock}/customers/+263771234567/received
  curl ${graph.url}/_mock    # all that can be ordered: faults, statuses, loads`);
  const stop = (): void => void graph.close();
  process.once('SIGINT', stop).once('SIGTERM', stop);
}
