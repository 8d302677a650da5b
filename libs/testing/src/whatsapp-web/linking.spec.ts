import { DisconnectReason, proto } from '@whiskeysockets/baileys';
import { verifySignature } from 'libsignal/src/curve.js';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { until } from '../until.js';
import { issueCertificates } from './certificates.js';
import type { ClosingCode } from './closing.js';
import { Keys } from './keys.js';
import { linked, setup } from './spec-setup.js';

describe('Linking', () => {
  it('links the device whose QR code is scanned, has it restart, and takes its login', async () => {
    const { client, phone, server } = await setup();
    client.connect();
    const qr = await until('a QR code', () => client.qr);
    expect(server.waitingToLink).toBe(1);
    await phone.scan(qr);
    expect(phone).toMatchObject({ linked: true, online: false });
    await until('the restart', () => client.closes.length > 0);
    expect(client.closes).toEqual([DisconnectReason.restartRequired]);
    await client.login();
    expect(phone).toMatchObject({ online: true, preKeysLeft: 811, overlaps: 0 });
    expect(phone.sockets).toEqual([{ openedAt: expect.any(Number), closedAt: undefined, loggedIn: true }]);
    expect(client.sock.user).toMatchObject({ id: '263771000000:1@s.whatsapp.net', lid: `${phone.lidUser}:1@lid` });
  });

  it('links by a code that is typed on the phone', async () => {
    const { client, phone } = await setup();
    client.connect();
    await until('a QR code', () => client.qr);
    const code = await client.sock.requestPairingCode('263771000000');
    await phone.enterCode(`${code.slice(0, 4)}-${code.slice(4)}`);
    await until('the restart', () => client.closes.length > 0);
    await client.login();
    expect(phone.online).toBe(true);
  });

  it('refuses a wrong code', async () => {
    const { client, phone } = await setup();
    client.connect();
    await until('a QR code', () => client.qr);
    await client.sock.requestPairingCode('263771000000');
    await expect(phone.enterCode('WRNGC0DE')).rejects.toThrow('The code is wrong');
    expect(phone.linked).toBe(false);
  });

  it('knows no QR code of a device that went away', async () => {
    const { client, phone, server } = await setup();
    client.connect();
    const qr = await until('a QR code', () => client.qr);
    await client.stop();
    await until('the device to be gone', () => server.waitingToLink === 0);
    await expect(phone.scan(qr)).rejects.toThrow('No device shows this QR code');
  });

  it('lets a device run out of QR codes', async () => {
    const { client } = await setup({ client: { qrTimeout: 20 } });
    client.connect();
    await until('the end of the codes', () => client.closes.length > 0);
    expect(client.closes).toEqual([DisconnectReason.timedOut]);
  });

  it('logs a removed device out, now and at its next login', async () => {
    const { client, phone } = await linked();
    phone.removeDevice();
    await until('the logout', () => client.closes.length === 2);
    client.connect();
    await until('the refusal', () => client.closes.length === 3);
    expect(client.closes.slice(1)).toEqual([DisconnectReason.loggedOut, DisconnectReason.loggedOut]);
    expect(phone.linked).toBe(false);
  });

  it('forgets a device that logs out by itself', async () => {
    const { client, phone } = await linked();
    await client.sock.logout();
    await until('the server to know', () => !phone.linked);
    expect(phone.online).toBe(false);
  });

  it('replaces a socket by the next login of the same device', async () => {
    const { client, another, phone } = await linked();
    const second = another();
    Object.assign(second.state.creds, client.state.creds);
    Object.assign(second.state, { keys: client.state.keys });
    second.connect();
    await until('the first to be replaced', () => client.closes.length === 2);
    expect(client.closes[1]).toBe(DisconnectReason.connectionReplaced);
    await until('the second to be open', () => second.open);
    expect(phone).toMatchObject({ online: true, overlaps: 1 });
  });

  it('closes in every way that Baileys tells apart', async () => {
    const { client, phone } = await linked();
    const codes: ClosingCode[] = [403, 405, 408, 411, 428, 440, 500, 503, 515, 401];
    for (const code of codes) {
      phone.close(code);
      await until(`the close ${code}`, () => !client.open && !phone.online);
      if (code !== 401) await client.login();
    }
    expect(client.closes.slice(1)).toEqual(codes);
    expect(phone).toMatchObject({ linked: true, overlaps: 0 });
  });

  it('refuses as many logins as it is told, for that reason', async () => {
    const { client, phone } = await linked();
    phone.refuseLogins(2, 405);
    phone.close(428);
    for (const closes of [2, 3, 4]) {
      await until('the close', () => client.closes.length === closes);
      client.connect();
    }
    await until('the login', () => client.open);
    expect(client.closes).toEqual([515, 428, 405, 405]);
  });

  it('can be down', async () => {
    const { client, phone, server } = await linked();
    server.down = true;
    phone.close(428);
    await until('the close', () => client.closes.length === 2);
    client.connect();
    await until('the refusal', () => client.closes.length === 3);
    expect(client.closes).toEqual([515, 428, DisconnectReason.timedOut]);
    server.down = 503;
    client.connect();
    // Baileys listens to `unexpected-response`, so ws leaves the socket to it, and it does nothing: no `close` comes, ever.
    let status: number | undefined;
    client.sock.ws.on(
      'unexpected-response',
      (_request: unknown, response: { statusCode: number }) => (status = response.statusCode),
    );
    await until('the answer', () => status === 503);
    expect(client.closes).toHaveLength(3);
    await client.stop();
    server.down = false;
    client.connect();
    await until('the login', () => client.open);
  });

  it('can be deaf until the client gives the connection up', async () => {
    const { client, phone, rudo } = await linked({ client: { keepAliveIntervalMs: 50 } });
    phone.deaf = 'pings';
    let pings = 0;
    client.sock.ws.on('frame', () => (pings += 1));
    await rudo.write(phone, { text: 'Anybody there?' });
    await until('answers to pings', () => pings >= 3);
    expect(client.messages).toEqual([]);
    phone.deaf = true;
    // Baileys waits for its interval and five seconds more: they are over at once.
    vi.spyOn(Date, 'now').mockReturnValue(Date.now() + 10_000);
    onTestFinished(() => void vi.restoreAllMocks());
    await until('the loss', () => client.closes.length === 2);
    expect(client.closes[1]).toBe(DisconnectReason.connectionLost);
    phone.deaf = false;
    vi.restoreAllMocks();
    await client.login();
    await until('what waited', () => client.messages.length === 1);
  });
});

function chainOf(seed: string) {
  const { root, chain, static: key } = issueCertificates(new Keys(seed));
  const { intermediate, leaf } = proto.CertChain.decode(chain);
  return { root: Buffer.from(root, 'base64'), key, intermediate, leaf };
}

function signs(key: Uint8Array | null | undefined, { details, signature }: proto.CertChain.INoiseCertificate): boolean {
  return verifySignature(
    Buffer.concat([Buffer.from([5]), key ?? Buffer.alloc(32)]),
    details ?? Buffer.alloc(0),
    signature ?? Buffer.alloc(0),
  );
}

describe('The certificates', () => {
  it('lead from the root over an intermediate one to the key of the handshake', () => {
    const { root, key, intermediate, leaf } = chainOf('a');
    const { Details } = proto.CertChain.NoiseCertificate;
    const issuer = Details.decode(intermediate?.details ?? Buffer.alloc(0));
    const certified = Details.decode(leaf?.details ?? Buffer.alloc(0));
    expect(signs(root, intermediate!)).toBe(true);
    expect(signs(issuer.key, leaf!)).toBe(true);
    expect(Buffer.from(certified.key ?? []).equals(key.public)).toBe(true);
    expect(issuer.issuerSerial).toBe(0);
    expect(certified.issuerSerial).toBe(issuer.serial);
  });

  it('are vouched for by no other root, and the same for the same seed', () => {
    expect(signs(chainOf('b').root, chainOf('a').intermediate!)).toBe(false);
    expect(chainOf('a').root).toEqual(chainOf('a').root);
  });

  // rc14's Curve.verify ignores the answer of libsignal: it accepts every signature of 64 bytes. When this test stops failing,
  // Baileys checks the root, and facts/baileys.md wants a change.
  it.fails('make Baileys refuse a server with another root', async () => {
    const { client } = await setup({ client: { noiseRoot: chainOf('b').root.toString('base64') } });
    client.connect();
    await until('the refusal or the QR code', () => client.closes.length > 0 || client.qr);
    expect(client.closes).toEqual([400]);
  });
});
