import { Body, Controller, Get, HttpCode, Post } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import {
  AuthService,
  ChangePasswordBody,
  LoginBody,
  MeView,
  MyPerson,
  type Person,
  RegisterBody,
  Requires,
  SessionView,
} from '@soko/identity';
import { CountsAs } from './rate-limit.guard.js';
import { Fails } from './openapi/decorators.js';
import { EmailTakenError, InvalidCredentialsError, TooManyTriesError } from '@soko/identity';

@ApiTags('Identity')
@Controller('api/auth')
export class AuthController {
  constructor(private readonly auth: AuthService) {}

  /** A new merchant with its owner. */
  @Post('register')
  @Requires('public')
  @CountsAs('auth')
  @Fails(new EmailTakenError())
  register(@Body() body: RegisterBody): Promise<SessionView> {
    return this.auth.register(body);
  }

  /** An access token for 7 days. */
  @Post('login')
  @HttpCode(200)
  @Requires('public')
  @CountsAs('auth')
  @Fails(new InvalidCredentialsError(), new TooManyTriesError(420))
  login(@Body() body: LoginBody): Promise<SessionView> {
    return this.auth.login(body);
  }

  /** Who I am. */
  @Get('me')
  @Requires('member')
  me(@MyPerson() { me }: Person): MeView {
    return me;
  }

  /** Ends the session: its token is dead from then on. */
  @Post('logout')
  @HttpCode(204)
  @Requires('member')
  logout(@MyPerson() person: Person): Promise<void> {
    return this.auth.logout(person);
  }

  /** Changes one's own password. Ends all sessions and begins a new one. */
  @Post('password')
  @HttpCode(200)
  @Requires('member')
  @Fails(new InvalidCredentialsError(), new TooManyTriesError(420))
  changePassword(@MyPerson() person: Person, @Body() body: ChangePasswordBody): Promise<SessionView> {
    return this.auth.changePassword(person, body);
  }
}
