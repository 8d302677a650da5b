import { Type } from 'class-transformer';
import { ArrayMinSize, IsBoolean, IsInt, IsOptional, IsString, Min, ValidateNested } from 'class-validator';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ValidationError } from './errors.js';
import { MoneyInput } from './money.dto.js';
import { IsPhone, validateInput } from './validation.js';

class LineBody {
  @IsString() sku!: string;
  @IsInt() @Min(1) quantity!: number;
  @IsOptional() @ValidateNested() @Type(() => MoneyInput) price?: MoneyInput;
}
class BasketBody {
  @IsPhone() phone!: string;
  @ValidateNested({ each: true }) @Type(() => LineBody) @ArrayMinSize(1) lines!: LineBody[];
  @IsOptional() @IsBoolean() gift: boolean = false;
  @IsOptional() @IsString() note?: string;
}

const basket = (over: object = {}) => ({ phone: '+263771234567', lines: [{ sku: 'MAIZE-10', quantity: 2 }], ...over });
const faultsOf = (value: unknown, type: new () => object = BasketBody) => {
  try {
    validateInput(type, value);
  } catch (error) {
    if (error instanceof ValidationError) return error.errors!;
    throw error;
  }
  return [];
};
const pathsOf = (value: unknown, type?: new () => object) => faultsOf(value, type).map((fault) => fault.path);

describe('validateInput', () => {
  it('gives an instance, all the way down', () => {
    const made = validateInput(BasketBody, basket({ lines: [{ sku: 'A', quantity: 1, price: { amount: 5, currency: 'USD' } }] }));
    expect(made).toBeInstanceOf(BasketBody);
    expect(made.lines[0]).toBeInstanceOf(LineBody);
    expect(made.lines[0]!.price).toBeInstanceOf(MoneyInput);
  });

  it('keeps defaults for what is missing and for what is undefined, and takes what is given', () => {
    expect(validateInput(BasketBody, basket()).gift).toBe(false);
    expect(validateInput(BasketBody, basket({ gift: undefined })).gift).toBe(false);
    expect(validateInput(BasketBody, basket({ gift: true })).gift).toBe(true);
  });

  it('leaves the input as it was', () => {
    const input = Object.freeze(basket({ phone: '263771234567' }));
    expect(validateInput(BasketBody, input).phone).toBe('+263771234567');
    expect(input.phone).toBe('263771234567');
  });

  it('refuses unknown fields by name, nested ones too', () => {
    expect(faultsOf(basket({ colour: 'red' }))).toEqual([
      { path: 'colour', code: 'whitelistValidation', message: 'property colour should not exist' },
    ]);
    expect(pathsOf(basket({ lines: [{ sku: 'A', quantity: 1, colour: 'red' }] }))).toEqual(['lines.0.colour']);
  });

  it('names every fault at once, by its dotted path', () => {
    const faults = faultsOf({
      phone: 'none',
      lines: [
        { sku: 'A', quantity: 1 },
        { sku: 1, quantity: 0, price: { amount: 1.5, currency: 'usd' } },
      ],
    });
    expect(new Set(faults.map((fault) => fault.path))).toEqual(
      new Set(['phone', 'lines.1.sku', 'lines.1.quantity', 'lines.1.price.amount', 'lines.1.price.currency']),
    );
    for (const fault of faults) expect(fault.message.length).toBeGreaterThan(10);
  });

  it.each([['quantity', '2'] as const, ['quantity', true] as const, ['sku', 5] as const])(
    'does not convert %s from %j',
    (field, value) => {
      expect(pathsOf(basket({ lines: [{ sku: 'A', quantity: 1, [field]: value }] }))).toContain(`lines.0.${field}`);
    },
  );

  it.each([null, undefined, 'text', 5, true, [], [basket()], () => basket()])(
    'refuses %s: a JSON object is expected',
    (value) => {
      expect(faultsOf(value)).toEqual([{ path: '', code: 'isObject', message: 'a JSON object is expected' }]);
    },
  );

  it.each([[null], ['text'], [5]])('refuses %j where an object belongs in a list', (line) => {
    expect(pathsOf(basket({ lines: [line] }))).toEqual(['lines.0']);
  });

  it('cannot be talked into changing prototypes', () => {
    const made = validateInput(BasketBody, JSON.parse(JSON.stringify(basket()).replace('{', '{"__proto__":{"admin":true},')));
    expect((made as unknown as { admin?: boolean }).admin).toBeUndefined();
    expect(({} as { admin?: boolean }).admin).toBeUndefined();
  });

  it('answers any JSON with an instance or with the 422, never with a crash', () => {
    fc.assert(
      fc.property(fc.jsonValue(), fc.jsonValue(), (value, inner) => {
        for (const input of [value, basket({ lines: inner }), basket({ lines: [inner] }), basket({ phone: inner })])
          expect(() => faultsOf(input)).not.toThrow();
      }),
    );
  });
});

describe('IsPhone', () => {
  it.each(['263771234567', '+263 77 123 4567', ' +263-77-123-4567'])('turns %j into E.164', (phone) => {
    expect(validateInput(BasketBody, basket({ phone })).phone).toBe('+263771234567');
  });

  it.each(['', '077', 'hello', 263771234567, null, undefined, {}, ['+263771234567']])(
    'refuses %j and shows how one looks',
    (phone) => {
      expect(faultsOf(basket({ phone }))).toEqual([
        {
          path: 'phone',
          code: 'isPhone',
          message: 'phone must be a phone number with its country code, for example +263771234567',
        },
      ]);
    },
  );
});

describe('MoneyInput', () => {
  it.each([
    { amount: 0, currency: 'USD' },
    { amount: 1e12, currency: 'ZWG' },
  ])('takes %o', (money) => {
    expect(faultsOf(money, MoneyInput)).toEqual([]);
  });

  it.each([
    { amount: -1, currency: 'USD' },
    { amount: 1e12 + 1, currency: 'USD' },
    { amount: 12.5, currency: 'USD' },
    { amount: '1250', currency: 'USD' },
    { amount: 1_250, currency: 'usd' },
    { amount: 1_250, currency: 'US' },
    { amount: 1_250, currency: 'USDT' },
    { amount: 1_250 },
    { currency: 'USD' },
  ])('refuses %o', (money) => {
    expect(faultsOf(money, MoneyInput)).not.toEqual([]);
  });
});

describe('characters that cannot be stored', () => {
  it.each([
    ['NUL', 'a\0b'],
    ['the first half of a character', 'a\ud83d'],
    ['the second half of a character', '\ude00b'],
  ])('are refused wherever they stand: %s', (_, text) => {
    expect(faultsOf(basket({ phone: text }))).toEqual([expect.objectContaining({ path: 'phone', code: 'characters' })]);
    expect(faultsOf(basket({ [text]: 1 }))).toEqual([expect.objectContaining({ code: 'characters' })]);
  });

  it('are no emoji, no accent, no right-to-left text', () => {
    for (const name of ['😀 shop', 'Zoë', 'متجر', '👩‍👩‍👧']) expect(validateInput(Named, { name }).name).toBe(name);
  });
});

class Named {
  @IsString() name!: string;
}
