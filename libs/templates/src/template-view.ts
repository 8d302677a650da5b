import type { SavedTemplateView, TemplateView } from './template.dto.js';
import type { Template } from './template.entity.js';

export function viewOf(row: Template): TemplateView {
  return {
    id: row.id,
    name: row.name,
    type: row.type,
    language: row.language,
    category: row.category,
    status: row.status,
    content: row.content,
    variables: row.variables,
    ...(row.cloud ? { cloud: row.cloud, cloudState: cloudStateOf(row) } : {}),
    version: row.version,
    ...(row.reason ? { reason: row.reason } : {}),
    createdAt: row.createdAt.toISOString(),
    updatedAt: row.updatedAt.toISOString(),
  };
}

export const savedView = (row: Template, warnings: SavedTemplateView['warnings']): SavedTemplateView => ({
  ...viewOf(row),
  warnings,
});

function cloudStateOf({ cloudStatus, cloudReason, cloudCheckedAt }: Template): TemplateView['cloudState'] {
  return {
    status: cloudStatus ?? 'unknown',
    ...(cloudReason ? { reason: cloudReason } : {}),
    ...(cloudCheckedAt ? { checkedAt: cloudCheckedAt.toISOString() } : {}),
  };
}
