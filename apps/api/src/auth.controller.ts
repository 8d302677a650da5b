import { Body, Controller, Get, HttpCode, Post } from '@nestjs/common';
import { ApiBearerAuth, ApiTags } from '@nestjs/swagger';
import { AuthService, type Caller, LoginBody, Me, MeView, RegisterBody, Requires, SessionView } from '@soko/identity';

@ApiTags('Identity')
@Controller('api/auth')
export class AuthController {
  constructor(private readonly auth: AuthService) {}

  /** A new merchant with its owner. */
  @Post('register')
  @Requires('public')
  register(@Body() body: RegisterBody): Promise<SessionView> {
    return this.auth.register(body);
  }

  @Post('login')
  @HttpCode(200)
  @Requires('public')
  login(@Body() body: LoginBody): Promise<SessionView> {
    return this.auth.login(body);
  }

  /** Who I am. */
  @Get('me')
  @ApiBearerAuth()
  @Requires('member')
  me(@Me() caller: Caller): Promise<MeView> {
    return this.auth.me(caller);
  }
}
