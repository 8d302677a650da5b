import { Controller, Get, Header, HttpCode, Post } from '@nestjs/common';
import { ApiBody, ApiHeader, ApiOkResponse, ApiProduces, ApiQuery, ApiTags } from '@nestjs/swagger';
import { NotFoundError } from '@soko/common';
import { Requires } from '@soko/identity';
import { Proof, VerifiedBy } from '@soko/inbound';
import { BadSignatureError, type CloudCall, CloudHandshake, CloudWebhookService, HandshakeError } from '@soko/whatsapp';
import { RawBody } from './http/raw-body.js';
import { Id } from './input.pipe.js';
import { SAMPLE_ID } from './openapi/examples.js';
import { Fails } from './openapi/decorators.js';
import { CountsAs } from './rate-limit.guard.js';

/** Meta sends up to 3 MB at once. */
const BODY_LIMIT = 3 * 1024 * 1024;
const NO_CHANNEL = new NotFoundError('channel', SAMPLE_ID);
const asked = (name: string, example: string) =>
  ApiQuery({ name, required: false, schema: { type: 'string', maxLength: 500, example } });

/** Where Meta tells what customers write. Merchants give the address of their channel to Meta; the channel's secrets prove who calls. */
@ApiTags('Webhooks')
@Controller('webhooks/whatsapp/:channelId')
@Requires('public')
export class WhatsappWebhookController {
  constructor(private readonly webhooks: CloudWebhookService) {}

  /** Meta’s handshake: the challenge comes back when the token is the channel’s `verifyToken`. */
  @Get()
  @Header('content-type', 'text/plain; charset=utf-8')
  @ApiProduces('text/plain')
  @ApiOkResponse({ schema: { type: 'string', example: '1158201444' } })
  @asked('hub.mode', 'subscribe')
  @asked('hub.verify_token', 'my-verify-token')
  @asked('hub.challenge', '1158201444')
  @Fails(NO_CHANNEL, new HandshakeError())
  @VerifiedBy(CloudHandshake)
  challenge(@Id('channelId') _channelId: string, @Proof() challenge: string): string {
    return challenge;
  }

  /** Messages and statuses, signed with the channel’s `appSecret`. 200 means that they are kept: they are read afterwards. */
  @Post()
  @HttpCode(200)
  // Few addresses of Meta's call for all merchants: a limit by address would drop what customers write.
  @CountsAs('nothing')
  @RawBody(BODY_LIMIT)
  @VerifiedBy(CloudWebhookService)
  @ApiHeader({
    name: 'X-Hub-Signature-256',
    required: true,
    description: 'Proves who calls: HMAC-SHA256 of the body.',
    schema: { type: 'string', maxLength: 100, example: `sha256=${'0'.repeat(64)}` },
  })
  @ApiBody({ schema: { type: 'object', example: { object: 'whatsapp_business_account', entry: [] } } })
  @Fails(NO_CHANNEL, new BadSignatureError())
  receive(@Id('channelId') _channelId: string, @Proof() call: CloudCall): Promise<void> {
    return this.webhooks.keep(call);
  }
}
