import type { MediaContent } from './content.js';

/** In their order, or by their names: as the template was made. */
export type CloudValues = string[] | Record<string, string>;

/** A file at Meta, or where it lies. */
export type CloudTemplateFile = ({ id: string } | { link: string }) & { filename?: string };

export type CloudTemplateHeader =
  | { values: CloudValues }
  /** A file of our own store, which has to be handed to Meta first. */
  | { media: Pick<MediaContent, 'mediaId'> }
  | { image: CloudTemplateFile }
  | { video: CloudTemplateFile }
  | { document: CloudTemplateFile }
  | { location: { latitude: number; longitude: number; name?: string; address?: string } };

export const CLOUD_BUTTON_KINDS = ['quick_reply', 'url', 'copy_code'] as const;
export type CloudButtonKind = (typeof CLOUD_BUTTON_KINDS)[number];

/** `index` counts the template's buttons from 0. `value` is the reply's payload, the end of the URL, or the code. */
export interface CloudButtonValue {
  index: number;
  kind: CloudButtonKind;
  value: string;
}

/** A template that Meta has approved, with the values of its holes: what may be sent when the window is closed. */
export interface CloudTemplate {
  name: string;
  /** Meta's code, for example `en_US`. */
  language: string;
  header?: CloudTemplateHeader;
  body?: CloudValues;
  buttons?: CloudButtonValue[];
}
