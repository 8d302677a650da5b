import 'reflect-metadata';
import { Controller, Get, Post, type Type } from '@nestjs/common';
import { DiscoveryModule } from '@nestjs/core';
import { Test } from '@nestjs/testing';
import { Requires } from '@soko/identity';
import { expect, test } from 'vitest';
import { AccessCheck } from './access-check.js';

@Controller('open')
class ForgetfulController {
  @Get()
  @Requires('orders:read')
  list(): void {}

  @Post()
  create(): void {}

  notARoute(): void {}
}

@Controller('closed')
@Requires('member')
class CarefulController {
  @Get()
  list(): void {}

  @Post()
  @Requires('public')
  create(): void {}
}

const start = async (...controllers: Type[]) => {
  const module = await Test.createTestingModule({ imports: [DiscoveryModule], controllers, providers: [AccessCheck] }).compile();
  await module.init();
};

test('a route that does not say who may call it keeps the api from starting, and is named', async () => {
  await expect(start(CarefulController, ForgetfulController)).rejects.toThrow(/@Requires: ForgetfulController\.create$/);
});

test('saying it for the whole controller is enough', async () => {
  await expect(start(CarefulController)).resolves.toBeUndefined();
});
