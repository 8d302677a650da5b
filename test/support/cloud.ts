import { newId } from '@soko/common';
import type { OutboundContent } from '@soko/contracts';
import { type ChannelReport, ChannelService, type ClaimedSend } from '@soko/messaging';
import { type BusinessNumber, integration, startGraphApi, until } from '@soko/testing';
import { CloudClient, type TransportChannel, Transports, WhatsappModule } from '@soko/whatsapp';
import { onTestFinished } from 'vitest';
import { CloudHttp } from '../../libs/whatsapp/src/cloud/cloud-http.js';

export const HELLO: OutboundContent = { type: 'text', text: { body: 'Hello 🌽' } };
export const PHONE = '+263771234567';

interface Wanted {
  config?: object;
  before?: (number: BusinessNumber) => void;
  /** Milliseconds that Meta has for an answer. Less than in life: some tests wait for it to pass. */
  patience?: number;
}

export async function setup({ config = {}, before, patience = 400 }: Wanted = {}) {
  const graph = await startGraphApi();
  onTestFinished(() => graph.close());
  const house = await integration({ imports: [WhatsappModule], env: { WHATSAPP_CLOUD_BASE_URL: graph.url } });
  const { module } = house;
  const number = graph.number({ displayPhone: '+263780000001' });
  before?.(number);
  const { phoneNumberId, accessToken, appSecret, verifyToken } = number;
  const merchantId = await house.shop();
  const { id } = await module.get(ChannelService).create(merchantId, {
    name: 'Shop',
    kind: 'cloud',
    config: { phoneNumberId, accessToken, appSecret, verifyToken, ...config },
  });
  const channel: TransportChannel = {
    merchantId,
    id,
    kind: 'cloud',
    phone: null,
    config: { phoneNumberId, ...config },
    createdAt: new Date(),
  };
  const client = module.get<{ http: CloudHttp }>(CloudClient);
  const http = new CloudHttp(graph.url, patience);
  onTestFinished(() => http.close());
  client.http = http;

  const reports: ChannelReport[] = [];
  let readies = 0;
  const open = async () => {
    const session = await module
      .get(Transports)
      .of('cloud')
      .open(channel, {
        lease: () => ({ shard: 0, holder: 'test', fence: 1 }),
        report: async (report) => reports.push(report) > 0,
        ready: () => (readies += 1),
      });
    onTestFinished(() => session.close());
    return session;
  };
  const message = (more: Partial<ClaimedSend> = {}): ClaimedSend => ({
    messageId: newId(),
    chatId: newId(),
    channelId: id,
    contactId: 'rudo',
    seq: 1,
    to: { phone: PHONE },
    content: HELLO,
    cloudTemplate: null,
    category: 'utility',
    waMessageId: null,
    attempts: 1,
    replyTo: null,
    lastInboundAt: new Date(),
    begun: true,
    readMark: null,
    refused: null,
    ...more,
  });
  return {
    ...house,
    graph,
    number,
    channel,
    merchantId,
    reports,
    readies: () => readies,
    message,
    open,
    opened: async () => {
      const session = await open();
      await until('the session', () => session.sends);
      return session;
    },
    received: () => number.customer(PHONE).received,
  };
}
