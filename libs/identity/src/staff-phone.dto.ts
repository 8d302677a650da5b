export class PhoneCodeView {
  /** Six digits, for one phone. @example "482913" */
  code!: string;
  expiresAt!: string;
  /** What to write to the shop's number. @example "link 482913" */
  text!: string;
}
export class StaffPhoneView {
  /** Missing where WhatsApp hides it. @example +263771234567 */
  phone?: string;
  /** What the person is called on WhatsApp. @example Farai */
  name?: string;
  linkedAt!: string;
}
