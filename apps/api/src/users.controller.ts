import { Body, Controller, Delete, Get, HttpCode, Patch, Post, Query } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import { type Page, PageQuery } from '@soko/common';
import { type Caller, CreateUserBody, Me, Requires, TeamService, TeamUserView, UpdateUserBody } from '@soko/identity';
import { Id } from './input.pipe.js';
import { Fails, Paged } from './openapi/decorators.js';
import { EmailTakenError, LastOwnerError } from '@soko/identity';

@ApiTags('Identity')
@Controller('api/users')
@Requires('owner')
export class UsersController {
  constructor(private readonly team: TeamService) {}

  /** The merchant's team, in the order in which they came. */
  @Get()
  @Paged(TeamUserView)
  list(@Me() { merchantId }: Caller, @Query() query: PageQuery): Promise<Page<TeamUserView>> {
    return this.team.list(merchantId, query);
  }

  /** Takes somebody into the team, with a first password. */
  @Post()
  @Fails(new EmailTakenError())
  add(@Me() { merchantId }: Caller, @Body() body: CreateUserBody): Promise<TeamUserView> {
    return this.team.add(merchantId, body);
  }

  /** Changes a name, role or password. A new password ends the person's sessions. */
  @Patch(':id')
  @Fails(new LastOwnerError())
  update(@Me() { merchantId }: Caller, @Id() id: string, @Body() body: UpdateUserBody): Promise<TeamUserView> {
    return this.team.update(merchantId, id, body);
  }

  /** Takes somebody out of the team; their sessions end at once. */
  @Delete(':id')
  @HttpCode(204)
  @Fails(new LastOwnerError())
  remove(@Me() { merchantId }: Caller, @Id() id: string): Promise<void> {
    return this.team.remove(merchantId, id);
  }
}
