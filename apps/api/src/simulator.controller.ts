import { Body, Controller, Get, HttpCode, Post, Query } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import { NotFoundError, type Page } from '@soko/common';
import { type Caller, Me, Requires } from '@soko/identity';
import { PhoneMessageBody, PhoneMessageView, PhoneQuery, PhoneWroteView, ReceiptBody, SimulatorService } from '@soko/whatsapp';
import { Id, Phone } from './input.pipe.js';
import { Fails, Paged } from './openapi/decorators.js';
import { SAMPLE_ID } from './openapi/examples.js';
import { SimulatorOffError } from '@soko/messaging';

@ApiTags('Simulator')
@Controller('api/simulator/channels/:id')
export class SimulatorController {
  constructor(private readonly simulator: SimulatorService) {}

  /** The customer's phone writes. The same waMessageId again is the same message. */
  @Post('messages')
  @HttpCode(202)
  @Requires('channels:write')
  @Fails(new SimulatorOffError(), new NotFoundError('media', SAMPLE_ID))
  write(@Me() { merchantId }: Caller, @Id() id: string, @Body() body: PhoneMessageBody): Promise<PhoneWroteView> {
    return this.simulator.write(merchantId, id, body);
  }

  /** What the phone has received, in order. */
  @Get('phones/:phone/messages')
  @Requires('channels:read')
  @Paged(PhoneMessageView)
  @Fails(new SimulatorOffError())
  received(
    @Me() { merchantId }: Caller,
    @Id() id: string,
    @Phone() phone: string,
    @Query() query: PhoneQuery,
  ): Promise<Page<PhoneMessageView>> {
    return this.simulator.received(merchantId, id, phone, query);
  }

  /** The phone tells that a message has arrived or was read. */
  @Post('phones/:phone/receipts')
  @HttpCode(204)
  @Requires('channels:write')
  @Fails(new SimulatorOffError(), new NotFoundError('message', 'SOKO0198F0C2A7E27CC0'))
  receipt(@Me() { merchantId }: Caller, @Id() id: string, @Phone() phone: string, @Body() body: ReceiptBody): Promise<void> {
    return this.simulator.receipt(merchantId, id, phone, body);
  }
}
