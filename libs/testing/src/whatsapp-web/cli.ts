import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { control } from './control.js';
import { startWhatsappWeb } from './server.js';

const { values } = parseArgs({
  options: {
    port: { type: 'string', default: '3210' },
    seed: { type: 'string', default: 'soko' },
    decrypt: { type: 'string', default: 'eager' },
    help: { type: 'boolean', default: false },
  },
});

if (values.help) {
  console.log('mock:whatsapp [--port 3210] [--seed soko] [--decrypt eager|lazy|never]');
} else {
  await run();
}

async function run(): Promise<void> {
  const server = await startWhatsappWeb({
    port: Number(values.port),
    seed: values.seed,
    decrypt: values.decrypt as 'eager' | 'lazy' | 'never',
  });
  const { stop } = control(server);
  const folder = mkdtempSync(join(tmpdir(), 'mock-whatsapp-'));
  const certificate = join(folder, 'media.pem');
  writeFileSync(certificate, server.mediaCertificate);

  const { origin } = server;
  const json = "-H 'content-type: application/json'";
  console.log(`A WhatsApp Web for tests is at ${server.url}. Start the gateway with

  export WHATSAPP_WEB_URL=${server.url}
  export WHATSAPP_WEB_NOISE_ROOT=${server.noiseRoot}
  export NODE_EXTRA_CA_CERTS=${certificate}   # only to send images

Link a number: ask Soko for its QR code (the text, not the picture), and scan it with the phone of that number:

  curl ${origin}/phones/+263771000000/scan ${json} -d '{"qr":"https://wa.me/settings/linked_devices#…"}'
  curl ${origin}/phones/+263771000000/enter-code ${json} -d '{"code":"ABCD-EFGH"}'   # or with a pairing code

Write to it as a customer, and see what comes back:

  curl ${origin}/customers/+263771234567/messages ${json} -d '{"to":"+263771000000","text":"Mhoro"}'
  curl ${origin}/customers/+263771234567/messages

Break something: POST /phones/…/close {"code":428}, /remove-device, /refuse-logins {"count":2,"reason":503};
PATCH /phones/… {"loseAcks":true,"deaf":true,"held":true}. See GET /phones/… and GET /stats.
A stream: POST /load {"to":["+263771000000"],"customers":50,"count":1000,"perSecond":50}. Ctrl-C ends it.`);

  let stopping = false;
  const end = (): void => {
    if (stopping) return;
    stopping = true;
    stop();
    rmSync(folder, { recursive: true, force: true });
    // Whoever holds a connection to the control API does not keep the process alive.
    void server.stop().then(() => process.exit(0));
  };
  process.on('SIGINT', end);
  process.on('SIGTERM', end);
}
