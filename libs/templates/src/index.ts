export { holes, render, type Variables } from './render.js';
export { TemplateService, TemplateView } from './template.service.js';
export { TemplateNotFoundError, TemplateVariablesError } from './templates.errors.js';
export { TemplatesModule } from './templates.module.js';
