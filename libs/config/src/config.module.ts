import { Global, Module } from '@nestjs/common';
import { loadSettings } from './load.js';
import { Settings } from './settings.js';

/** Provides the checked `Settings`; nothing else reads process.env. */
@Global()
@Module({ providers: [{ provide: Settings, useFactory: () => loadSettings() }], exports: [Settings] })
export class ConfigModule {}
