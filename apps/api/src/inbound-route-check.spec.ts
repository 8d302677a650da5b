import 'reflect-metadata';
import { Controller, Get, Injectable, Post, type Type } from '@nestjs/common';
import { DiscoveryModule } from '@nestjs/core';
import { Test } from '@nestjs/testing';
import { type InboundVerifier, VerifiedBy } from '@soko/inbound';
import { expect, test } from 'vitest';
import { InboundRouteCheck } from './inbound-route-check.js';

@Injectable()
class Verifier implements InboundVerifier<string> {
  async verify(): Promise<string> {
    return 'right';
  }
}
@Injectable()
class Unprovided implements InboundVerifier<string> {
  async verify(): Promise<string> {
    return 'right';
  }
}

@Controller('webhooks/careful')
class CarefulController {
  @Get()
  @VerifiedBy(Verifier)
  hello(): void {}

  @Post(':id')
  @VerifiedBy(Verifier)
  receive(): void {}

  notARoute(): void {}
}
@Controller('webhooks/forgetful')
class ForgetfulController {
  @Post()
  @VerifiedBy(Verifier)
  careful(): void {}

  @Post('other')
  receive(): void {}
}
@Controller()
class HiddenController {
  @Post('/webhooks/hidden')
  receive(): void {}
}
@Controller('api/webhooks')
class SubscriptionsController {
  @Post()
  create(): void {}
}
@Controller('webhooks/lost')
class LostController {
  @Post()
  @VerifiedBy(Unprovided)
  receive(): void {}
}

const start = async (...controllers: Type[]) => {
  const module = await Test.createTestingModule({
    imports: [DiscoveryModule],
    controllers,
    providers: [InboundRouteCheck, Verifier],
  }).compile();
  await module.init();
};

test('a route below /webhooks without a verifier keeps the api from starting, and is named', async () => {
  await expect(start(CarefulController, ForgetfulController)).rejects.toThrow(/@VerifiedBy: ForgetfulController\.receive$/);
});

test('also where the method alone says that it is one', async () => {
  await expect(start(HiddenController)).rejects.toThrow(/HiddenController\.receive$/);
});

test('a verifier that nobody provides is missed at the start', async () => {
  await expect(start(LostController)).rejects.toThrow(/Unprovided/);
});

test('with a verifier each it starts; subscriptions of our own are no inbound routes', async () => {
  await expect(start(CarefulController, SubscriptionsController)).resolves.toBeUndefined();
});
