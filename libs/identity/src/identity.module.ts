import { createSecretKey } from 'node:crypto';
import { Global, Module } from '@nestjs/common';
import { JwtModule } from '@nestjs/jwt';
import { Settings } from '@soko/config';
import { ApiKeyService } from './api-key.service.js';
import { AuthService } from './auth.service.js';
import { CallerCheck } from './caller-check.service.js';
import { CredentialService } from './credential.service.js';
import { InboundSecretService } from './inbound-secret.service.js';
import { MerchantService } from './merchant.service.js';
import { StaffPhoneService } from './staff-phone.service.js';
import { TeamService } from './team.service.js';
import { LimitsModule } from '@soko/limits';

@Global()
@Module({
  imports: [
    LimitsModule,
    JwtModule.registerAsync({
      inject: [Settings],
      useFactory: (settings: Settings) => ({
        // As a key object: given a string, the library first tries at every call to read it as a public key.
        secret: createSecretKey(settings.JWT_SECRET, 'utf8'),
        signOptions: { algorithm: 'HS256', issuer: 'soko' },
        verifyOptions: { algorithms: ['HS256'], issuer: 'soko' },
      }),
    }),
  ],
  providers: [
    ApiKeyService,
    AuthService,
    CallerCheck,
    CredentialService,
    InboundSecretService,
    MerchantService,
    StaffPhoneService,
    TeamService,
  ],
  exports: [
    ApiKeyService,
    AuthService,
    CallerCheck,
    CredentialService,
    InboundSecretService,
    MerchantService,
    StaffPhoneService,
    TeamService,
  ],
})
export class IdentityModule {}
