import { Global, Module } from '@nestjs/common';
import { JwtModule } from '@nestjs/jwt';
import { Settings } from '@soko/config';
import { AuthService } from './auth.service.js';
import { MerchantService } from './merchant.service.js';

@Global()
@Module({
  imports: [
    JwtModule.registerAsync({
      inject: [Settings],
      useFactory: (settings: Settings) => ({
        secret: settings.JWT_SECRET,
        signOptions: { algorithm: 'HS256', issuer: 'soko' },
        verifyOptions: { algorithms: ['HS256'], issuer: 'soko' },
      }),
    }),
  ],
  providers: [AuthService, MerchantService],
  exports: [AuthService, MerchantService, JwtModule],
})
export class IdentityModule {}
