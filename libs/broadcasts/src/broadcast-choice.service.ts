import { Injectable } from '@nestjs/common';
import type { TenantTx } from '@soko/database';
import { type SendableTemplate, TemplateRenderer } from '@soko/templates';
import { OWN_VALUE } from './broadcast.row.js';
import { BroadcastStore } from './broadcast.store.js';

/** A template that all who agreed can be sent, and what is to be said of it beforehand. */
export type BroadcastTemplate = Omit<SendableTemplate, 'fileVariable'>;

/** The most that somebody looks through on a phone. */
const TAGS = 50;

/** What a broadcast can be made of, for somebody who chooses step by step. */
@Injectable()
export class BroadcastChoiceService {
  constructor(
    private readonly store: BroadcastStore,
    private readonly renderer: TemplateRenderer,
  ) {}

  /** Those of category marketing, which nobody gets who has not agreed. One that wants a file to be named is for the api. */
  async templates(tx: TenantTx): Promise<BroadcastTemplate[]> {
    const all = await this.renderer.sendable(tx, 'marketing');
    return all
      .filter(({ needs, fileVariable }) => !needs.some(({ name }) => name === fileVariable))
      .map(({ id, name, edition, needs }) => ({ id, name, edition, needs: needs.filter((each) => each.name !== OWN_VALUE) }));
  }

  /** What most customers have been noted down as comes first. */
  tags(tx: TenantTx): Promise<string[]> {
    return this.store.tags(tx, TAGS);
  }
}
