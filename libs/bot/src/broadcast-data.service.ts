import { Injectable } from '@nestjs/common';
import { BroadcastChoiceService, BroadcastPreviewService } from '@soko/broadcasts';
import { AppError } from '@soko/common';
import type { TenantTx } from '@soko/database';
import { type Asked, draftMeant, makesBroadcast, segmentOf } from './staff-broadcast.js';
import type { StaffState } from './staff-state.js';
import type { BroadcastOffer, StaffData } from './staff-turn.js';

/** Gathers what a broadcast can be made of, and what would come of the one that is being made. */
@Injectable()
export class BroadcastDataService {
  constructor(
    private readonly choices: BroadcastChoiceService,
    private readonly previews: BroadcastPreviewService,
  ) {}

  /** Nothing where the message is not about a broadcast. */
  async of(tx: TenantTx, asked: Asked, state: StaffState): Promise<Pick<StaffData, 'broadcasts'>> {
    if (!makesBroadcast(asked, state)) return {};
    const offer: BroadcastOffer = { templates: await this.choices.templates(tx), tags: await this.choices.tags(tx) };
    const meant = draftMeant({ ...asked, data: { ...asked.data, broadcasts: offer } }, state);
    return { broadcasts: { ...offer, ...(meant ? { outlook: await this.outlook(tx, meant) } : {}) } };
  }

  private async outlook(
    tx: TenantTx,
    { name, draft }: NonNullable<ReturnType<typeof draftMeant>>,
  ): Promise<NonNullable<BroadcastOffer['outlook']>> {
    const { audience, values } = draft;
    try {
      return await this.previews.outlook(tx, {
        templateName: name,
        variables: values,
        segment: segmentOf(audience, new Date()),
      });
    } catch (error) {
      if (error instanceof AppError) return { refused: error.detail };
      throw error;
    }
  }
}
