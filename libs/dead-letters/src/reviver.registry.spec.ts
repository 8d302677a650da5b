import { Injectable } from '@nestjs/common';
import { DiscoveryModule } from '@nestjs/core';
import { Test } from '@nestjs/testing';
import { expect, test } from 'vitest';
import { type Revival, ReviverRegistry, Revives } from './reviver.registry.js';

@Injectable()
class Most {
  @Revives('webhook_delivery')
  async delivery(): Promise<Revival> {
    return 'done';
  }
  @Revives('inbound_message')
  async inbound(): Promise<Revival> {
    return 'done';
  }
  @Revives('outbound_message')
  async outbound(): Promise<Revival> {
    return 'done';
  }
  @Revives('unanswered_message')
  async answer(): Promise<Revival> {
    return 'done';
  }
}
@Injectable()
class Rest {
  readonly outcome = 'handed_on';
  @Revives('incoming_file')
  async file(): Promise<Revival> {
    return this.outcome;
  }
  @Revives('reaction')
  async reaction(): Promise<Revival> {
    return this.outcome;
  }
}
@Injectable()
class Second {
  @Revives('reaction')
  async reaction(): Promise<Revival> {
    return 'done';
  }
}

const setup = async (...providers: (new () => object)[]) => {
  const module = await Test.createTestingModule({
    imports: [DiscoveryModule],
    providers: [ReviverRegistry, ...providers],
  }).compile();
  return module.get(ReviverRegistry);
};

test('a kind that nobody revives is named, with what to do', async () => {
  const registry = await setup(Most);
  expect(() => registry.check()).toThrow(/nobody revives dead letters of incoming_file, reaction: mark a method with @Revives/);
});

test('two who revive one kind are refused', async () => {
  const registry = await setup(Most, Rest, Second);
  expect(() => registry.check()).toThrow(/dead letters of reaction have two methods with @Revives/);
});

test('with one for each kind it finds each, on its own instance', async () => {
  const registry = await setup(Most, Rest);
  registry.check();
  expect(await registry.reviver('reaction')(undefined as never, 'x')).toBe('handed_on');
  expect(registry.shower('reaction')).toBeUndefined();
});
