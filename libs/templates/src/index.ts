export { type CloudState, isUsable, type MetaTemplate } from './cloud-state.js';
export { type CounterpartChange, type CounterpartOf, CounterpartService } from './counterpart.service.js';
export {
  CreateTemplateBody,
  PreviewBody,
  RollbackBody,
  SavedTemplateView,
  TemplateDiffView,
  TemplateQuery,
  TemplateVersionView,
  TemplateView,
  UpdateTemplateBody,
  VersionDiffQuery,
} from './template.dto.js';
export type { TemplateCategory } from './template.entity.js';
export { fitsVariable, type TemplateVariable } from './template-content.js';
export { TemplateHistoryService } from './template-history.service.js';
export {
  type Rendered,
  type SendableTemplate,
  type TemplatePreview,
  TemplateRenderer,
  type Wanted,
} from './template-renderer.js';
export { TemplateService } from './template.service.js';
export {
  TemplateChangedError,
  TemplateExistsError,
  TemplateNotActiveError,
  TemplateNotFoundError,
  TemplateVersionNotFoundError,
} from './templates.errors.js';
export { TemplatesModule } from './templates.module.js';
