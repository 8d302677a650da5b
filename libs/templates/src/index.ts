export { holes, render, type Variables } from './render.js';
export { TemplateView } from './template.dto.js';
export { TemplateService } from './template.service.js';
export { TemplateNotFoundError, TemplateVariablesError } from './templates.errors.js';
export { TemplatesModule } from './templates.module.js';
