export class TemplateTextView {
  /** @example "Order confirmed" */
  header?: string;
  /** @example "Thank you, {{name}}! Your order {{number}} is confirmed." */
  body!: string;
  /** @example "Reply STOP to hear no more" */
  footer?: string;
}
export class TemplateVariableView {
  /** @example name */
  name!: string;
  /** text, number, money, date, url or phone. @example text */
  type!: string;
  /** @example Rudo */
  example!: string;
}
export class TemplateView {
  id!: string;
  /** @example order_confirmation */
  name!: string;
  /** @example text */
  type!: string;
  /** @example en */
  language!: string;
  /** @example utility */
  category!: string;
  /** draft, active or archived. @example active */
  status!: string;
  content!: TemplateTextView;
  variables!: TemplateVariableView[];
}
