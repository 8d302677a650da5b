import { Injectable } from '@nestjs/common';
import { decodeCursor, NotFoundError, type Page, pageOf, type PageQuery } from '@soko/common';
import { Tenancy, type TenantTx } from '@soko/database';
import { diffStates } from './template-diff.js';
import type { RollbackBody, SavedTemplateView, TemplateDiffView, TemplateVersionView, VersionDiffQuery } from './template.dto.js';
import type { TemplateState } from './template.entity.js';
import { stateOfRow, TemplateStore } from './template.store.js';
import { savedView } from './template-view.js';
import { TemplateVersionNotFoundError } from './templates.errors.js';

interface VersionRow extends TemplateState {
  version: number;
  actor_type: string;
  actor_id: string | null;
  actor_role: string | null;
  reason: string | null;
  created_at: Date;
}

/** Every state that a template was in. Of deleted ones too: their messages are still there. */
@Injectable()
export class TemplateHistoryService {
  constructor(
    private readonly tenancy: Tenancy,
    private readonly store: TemplateStore,
  ) {}

  /** Newest first. @throws NotFoundError */
  async list(merchantId: string, id: string, { limit, cursor }: PageQuery): Promise<Page<TemplateVersionView>> {
    const below = decodeCursor(cursor, 'number')?.[0];
    const rows = await this.tenancy.run(merchantId, (tx) =>
      tx.query<VersionRow>(
        `SELECT * FROM template_versions WHERE merchant_id = $1 AND template_id = $2 AND ($3::bigint IS NULL OR version < $3)
         ORDER BY version DESC LIMIT $4`,
        [merchantId, id, below ?? null, limit + 1],
      ),
    );
    if (rows.length === 0 && below === undefined) throw new NotFoundError('template', id);
    // The one row more is also what the last of the page is compared with.
    const before = new Map(rows.map((row, at) => [row.version, rows[at + 1]]));
    return pageOf(
      rows,
      limit,
      (row) => viewOf(row, before.get(row.version)),
      (row) => [String(row.version)],
    );
  }

  /** Of the last change, when it is not said of what. @throws TemplateVersionNotFoundError, NotFoundError */
  async diff(merchantId: string, id: string, { from, to }: VersionDiffQuery): Promise<TemplateDiffView> {
    const [before, after] = await this.tenancy.run(merchantId, async (tx) => {
      const later = await this.version(tx, id, to);
      return [await this.version(tx, id, from ?? Math.max(1, later.version - 1)), later] as const;
    });
    return { from: before.version, to: after.version, changes: diffStates(before, after) };
  }

  /**
   * Makes the template as it was: a new version, unless it is so already.
   * @throws NotFoundError for the template or the file that it had, TemplateVersionNotFoundError; ValidationError when it could not be
   * sent any more; TemplateExistsError when its name is taken
   */
  async rollback(merchantId: string, id: string, { version, reason }: RollbackBody): Promise<SavedTemplateView> {
    const { row, warnings } = await this.tenancy.run(merchantId, async (tx) => {
      const found = await this.store.find(tx, id, true);
      const state = stateOfRow(await this.version(tx, id, version));
      return this.store.save(tx, found, state, reason ?? `As in version ${version} again`);
    });
    return savedView(row, warnings);
  }

  /** One version; the newest when it is not said which. */
  private async version(tx: TenantTx, id: string, version?: number): Promise<VersionRow> {
    const rows = await tx.query<VersionRow>(
      `SELECT * FROM template_versions WHERE merchant_id = $1 AND template_id = $2 AND ($3::int IS NULL OR version IN (1, $3))
       ORDER BY version DESC LIMIT 1`,
      [tx.merchantId, id, version ?? null],
    );
    // Every template has had a first version.
    if (rows.length === 0) throw new NotFoundError('template', id);
    if (version !== undefined && rows[0]!.version !== version) throw new TemplateVersionNotFoundError(version);
    return rows[0]!;
  }
}

function viewOf(row: VersionRow, before: VersionRow | undefined): TemplateVersionView {
  const { cloud, ...state } = stateOfRow(row);
  return {
    version: row.version,
    ...state,
    ...(cloud ? { cloud } : {}),
    actor: {
      type: row.actor_type,
      ...(row.actor_id ? { id: row.actor_id } : {}),
      ...(row.actor_role ? { role: row.actor_role } : {}),
    },
    ...(row.reason ? { reason: row.reason } : {}),
    changes: before ? diffStates(before, row) : [],
    createdAt: row.created_at.toISOString(),
  };
}
