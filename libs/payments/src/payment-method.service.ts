import { Injectable } from '@nestjs/common';
import { type FieldError, NotFoundError, ValidationError } from '@soko/common';
import { Sealer, Tenancy, type TenantTx } from '@soko/database';
import { PLACEHOLDERS } from './mobile-money.provider.js';
import type { PaymentMethod } from './payment-state.js';
import { masked } from './payment.row.js';
import { METHOD_NAMES, type MethodName, type PaymentMethodView, type UpdatePaymentMethodBody } from './payments.dto.js';
import { PaymentMethodUnavailableError } from './payments.errors.js';
import { type ProviderAccount, type ProviderName, PROVIDERS } from './provider.js';

const SECRETS = 'payment_methods.secrets';
/** The fields of each method, by where they are kept; a method in use has all of `needed`. */
const FIELDS: Record<MethodName, { open: string[]; secret: string[]; needed: string[] }> = {
  cash_on_delivery: { open: [], secret: [], needed: [] },
  transfer: { open: ['instructions'], secret: [], needed: [] },
  stripe: { open: ['returnUrl'], secret: ['secretKey', 'webhookSecret'], needed: ['returnUrl', 'secretKey', 'webhookSecret'] },
  mobile_money: { open: ['linkUrl'], secret: ['webhookSecret'], needed: ['linkUrl', 'webhookSecret'] },
};

interface MethodRow {
  name: MethodName;
  active: boolean;
  config: Record<string, string>;
  secrets: string | null;
}

/** How a merchant's customers may pay. */
@Injectable()
export class PaymentMethodService {
  constructor(
    private readonly tenancy: Tenancy,
    private readonly sealer: Sealer,
  ) {}

  async list(merchantId: string): Promise<PaymentMethodView[]> {
    const rows = await this.tenancy.run(merchantId, (tx) => this.rows(tx));
    return rows.map((row) => this.view(merchantId, row));
  }

  /** @throws ValidationError for a field of another method, and for one that is missing while the method is active */
  async update(merchantId: string, name: MethodName, { active, ...fields }: UpdatePaymentMethodBody): Promise<PaymentMethodView> {
    return this.tenancy.run(merchantId, async (tx) => {
      await tx.query(
        `INSERT INTO payment_methods (merchant_id, name, active) VALUES ($1, $2, $3) ON CONFLICT (merchant_id, name) DO UPDATE SET updated_at = now()`,
        [merchantId, name, isReady(name)],
      );
      const had = (await this.rows(tx)).find((row) => row.name === name)!;
      const given = Object.entries(fields).filter((field): field is [string, string] => field[1] !== undefined);
      const pick = (names: string[]) => Object.fromEntries(given.filter(([field]) => names.includes(field)));
      const account = this.open(merchantId, had);
      const row = {
        name,
        active: active ?? (had.active || given.length > 0),
        config: { ...account.config, ...pick(FIELDS[name].open) },
        secrets: { ...account.secrets, ...pick(FIELDS[name].secret) },
      };
      check(
        row,
        given.map(([field]) => field),
      );
      const sealed =
        Object.keys(row.secrets).length > 0 ? this.sealer.seal(JSON.stringify(row.secrets), merchantId, SECRETS) : null;
      await tx.query('UPDATE payment_methods SET active = $3, config = $4, secrets = $5 WHERE merchant_id = $1 AND name = $2', [
        merchantId,
        name,
        row.active,
        JSON.stringify(row.config),
        sealed,
      ]);
      return this.view(merchantId, { ...row, secrets: sealed });
    });
  }

  /** How an order may be paid now. */
  async offered(tx: TenantTx): Promise<PaymentMethod[]> {
    return methodsOf(await this.rows(tx));
  }

  /** How a customer can pay without asking anybody: a transfer only where it is said where to. */
  async choices(tx: TenantTx): Promise<PaymentMethod[]> {
    const rows = await this.rows(tx);
    return methodsOf(rows.filter(({ name, config }) => name !== 'transfer' || config.instructions));
  }

  /** @throws PaymentMethodUnavailableError */
  async check(tx: TenantTx, method: PaymentMethod): Promise<void> {
    const offered = await this.offered(tx);
    if (!offered.includes(method)) throw new PaymentMethodUnavailableError(method, offered);
  }

  /** The provider that makes the merchant's links: `wanted`, or the first. @throws PaymentMethodUnavailableError */
  async providerFor(tx: TenantTx, wanted?: ProviderName): Promise<ProviderName> {
    const active = (await this.rows(tx)).filter((row) => row.active).map((row) => row.name);
    const provider = PROVIDERS.find((name) => active.includes(name) && (wanted === undefined || name === wanted));
    if (!provider) throw new PaymentMethodUnavailableError(wanted ?? 'payment_link', await this.offered(tx));
    return provider;
  }

  /** Of a method that is off too: its payments go on. @throws NotFoundError where it was never set up */
  async account(tx: TenantTx, provider: ProviderName): Promise<ProviderAccount> {
    const row = (await this.rows(tx)).find(({ name }) => name === provider);
    if (!row?.secrets) throw new NotFoundError('payment_method', provider);
    return this.open(tx.merchantId, row);
  }

  /** What customers who pay by transfer are told. */
  async instructions(tx: TenantTx): Promise<string | undefined> {
    return (await this.rows(tx)).find(({ name }) => name === 'transfer')?.config.instructions;
  }

  /** Every method, those that nobody has touched too. */
  private async rows(tx: TenantTx): Promise<MethodRow[]> {
    const rows = await tx.query<MethodRow>('SELECT name, active, config, secrets FROM payment_methods WHERE merchant_id = $1', [
      tx.merchantId,
    ]);
    return METHOD_NAMES.map(
      (name) => rows.find((row) => row.name === name) ?? { name, active: isReady(name), config: {}, secrets: null },
    );
  }

  private open(merchantId: string, { config, secrets }: MethodRow): ProviderAccount {
    return {
      config,
      secrets: secrets ? (JSON.parse(this.sealer.open(secrets, merchantId, SECRETS)) as Record<string, string>) : {},
    };
  }

  private view(merchantId: string, row: MethodRow): PaymentMethodView {
    const { config, secrets } = this.open(merchantId, row);
    const isProvider = (PROVIDERS as readonly string[]).includes(row.name);
    return {
      name: row.name,
      active: row.active,
      ...config,
      secrets: Object.fromEntries(Object.entries(secrets).map(([name, secret]) => [name, masked(secret)])),
      ...(isProvider ? { noticePath: `/webhooks/payments/${row.name}/${merchantId}` } : {}),
    };
  }
}

/** Whether customers may pay so before anybody has set anything up. */
const isReady = (name: MethodName): boolean => FIELDS[name].needed.length === 0;

function methodsOf(rows: MethodRow[]): PaymentMethod[] {
  const active = rows.filter((row) => row.active).map(({ name }) => name);
  const links = PROVIDERS.some((provider) => active.includes(provider));
  return [
    ...(['cash_on_delivery', 'transfer'] as const).filter((name) => active.includes(name)),
    ...(links ? (['payment_link'] as const) : []),
  ];
}

function check(row: { name: MethodName; active: boolean } & ProviderAccount, given: string[]): void {
  const { open, secret, needed } = FIELDS[row.name];
  const all = { ...row.config, ...row.secrets };
  const faults: FieldError[] = [
    ...given
      .filter((field) => !open.includes(field) && !secret.includes(field))
      .map((field) => ({
        path: field,
        code: 'method',
        message: `${field} is not for ${row.name}; it takes ${[...open, ...secret].join(', ') || 'only active'}`,
      })),
    ...needed
      .filter((field) => row.active && all[field] === undefined)
      .map((field) => ({ path: field, code: 'method', message: `${row.name} needs ${field}` })),
    ...linkFaults(row.config.linkUrl),
  ];
  if (faults.length > 0) throw new ValidationError(faults);
}

function linkFaults(linkUrl: string | undefined): FieldError[] {
  if (linkUrl === undefined) return [];
  const names = [...linkUrl.matchAll(/\{(\w+)\}/g)].map(([, name]) => name!);
  const unknown = names.filter((name) => !(PLACEHOLDERS as readonly string[]).includes(name));
  if (unknown.length > 0) return linkFault(`there is no {${unknown[0]}}; there are ${PLACEHOLDERS.join(', ')}`);
  if (!names.includes('paymentId')) return linkFault('{paymentId} must stand in it: the provider’s notices name it');
  const url = URL.canParse(linkUrl.replace(/\{\w+\}/g, 'x')) ? new URL(linkUrl.replace(/\{\w+\}/g, 'x')) : undefined;
  return url && ['https:', 'http:'].includes(url.protocol)
    ? []
    : linkFault('must look like https://pay.example.com/?ref={paymentId}');
}

const linkFault = (message: string): FieldError[] => [{ path: 'linkUrl', code: 'link', message }];
