import type { CloudButtonValue, CloudTemplate, CloudTemplateHeader, CloudValues } from '@soko/contracts';
import { atMost, ContentError, counted } from './content-limits.js';

/** https://developers.facebook.com/docs/whatsapp/cloud-api/guides/send-message-templates @throws ContentError */
export function templatePayload({ name, language, header, body, buttons = [] }: CloudTemplate): object {
  if (!/^[a-z0-9_]{1,512}$/.test(name))
    throw new ContentError('content_invalid', 'template.name: only a-z, 0-9 and _ are allowed');
  const components = [
    ...(header ? [{ type: 'header', parameters: headerParameters(header) }] : []),
    ...(body && size(body) > 0 ? [{ type: 'body', parameters: texts('template.body', body, 1024) }] : []),
    ...counted('template.buttons', buttons, 0, 10).map(button),
  ];
  return {
    name,
    language: { code: atMost('template.language', language, 20) },
    ...(components.length > 0 ? { components } : {}),
  };
}

function headerParameters(header: CloudTemplateHeader): object[] {
  if ('values' in header) {
    if (size(header.values) !== 1) throw new ContentError('content_count', 'template.header: a header in text has one value');
    return texts('template.header', header.values, 60);
  }
  const [[type, value]] = Object.entries(header) as [[string, object]];
  return [{ type, [type]: value }];
}

/** Named values carry their name; the others go by their place. */
function texts(path: string, values: CloudValues, max: number): object[] {
  if (Array.isArray(values)) return values.map((value) => ({ type: 'text', text: fits(path, value, max) }));
  return Object.entries(values).map(([name, value]) => ({ type: 'text', parameter_name: name, text: fits(path, value, max) }));
}

/** Meta refuses (132018, 132012) line breaks, tabs and more than four spaces in a row inside a value. */
const fits = (path: string, value: string, max: number): string =>
  atMost(path, value.replaceAll(/[\n\r\t]+/g, ' ').replaceAll(/ {5,}/g, '    '), max);

function button({ index, kind, value }: CloudButtonValue): object {
  const path = `template.buttons.${index}`;
  const parameter = {
    quick_reply: () => ({ type: 'payload', payload: atMost(path, value, 256) }),
    url: () => ({ type: 'text', text: atMost(path, value, 2000) }),
    copy_code: () => ({ type: 'coupon_code', coupon_code: atMost(path, value, 20) }),
  }[kind]();
  return { type: 'button', sub_type: kind, index: String(index), parameters: [parameter] };
}

const size = (values: CloudValues): number => Object.keys(values).length;
