import { type FieldError, parseAmount, plainAmount, validateInput, ValidationError } from '@soko/common';
import { CsvError, parse } from 'csv-parse/sync';
import { stringify } from 'csv-stringify/sync';
import { type ProductView, UpdateProductBody } from './catalog.dto.js';
import { CsvUnreadableError } from './catalog.errors.js';

/** Names in the first line, in any order. */
export const COLUMNS = ['sku', 'name', 'description', 'category', 'price', 'stock', 'low_stock_at', 'active'] as const;
type Column = (typeof COLUMNS)[number];
/** What an empty cell empties; in other columns it says nothing. */
const MAY_BE_EMPTY: Column[] = ['description', 'category', 'low_stock_at'];
const FIELDS: Partial<Record<Column, string>> = { low_stock_at: 'lowStockAt' };
const NO_NAMES = 'the first line must name the columns, and "sku" must be among them';
const YES = /^(true|yes|y|1)$/i;
const NO = /^(false|no|n|0)$/i;
/** A spreadsheet takes what begins so for a formula. Written with an apostrophe before it, it is text. */
const FORMULA = /^'(?=[=+\-@\t\r\uFF1D\uFF0B\uFF0D\uFF20])/;

/** One line of a file, as far as it can be understood without what is there already. */
export interface CsvLine {
  /** In the file; the one with the names is 1. */
  line: number;
  sku: string;
  /** What it says. */
  changes: UpdateProductBody;
  errors: FieldError[];
}

/**
 * @param currency of the merchant: prices are plain numbers in it, `12.50`
 * @throws CsvUnreadableError when it is no CSV, has no column `sku`, one that nobody knows, or too many lines
 */
export function readProducts(text: string, currency: string, mostLines: number): CsvLine[] {
  const rows = rowsOf(text, mostLines);
  const seen = new Map<string, number>();
  return rows.map(({ record, info: { lines } }) => {
    const line = { line: lines, ...lineOf(record, currency) };
    const before = seen.get(line.sku);
    if (before) line.errors.push({ path: 'sku', code: 'sku_twice', message: `the SKU stands in line ${before} already` });
    else seen.set(line.sku, lines);
    return line;
  });
}

interface Row {
  record: Partial<Record<Column, string>>;
  info: { lines: number };
}

function rowsOf(text: string, mostLines: number): Row[] {
  const [first = ''] = text.split(/\r?\n/, 1);
  if (first.trim() === '') throw new CsvUnreadableError(NO_NAMES);
  // As spreadsheets write it where the comma is a decimal sign.
  const delimiter = [',', ';', '\t'].toSorted((a, b) => first.split(b).length - first.split(a).length)[0]!;
  try {
    return parse(text, {
      bom: true,
      delimiter,
      columns: (names: string[]) => checkedNames(names),
      info: true,
      relax_column_count_less: true,
      skip_empty_lines: true,
      trim: true,
      to: mostLines + 1,
    }).map((row: unknown, index: number) => {
      if (index === mostLines) throw new CsvUnreadableError(`it has more than ${mostLines} products; send it in parts`);
      return row as Row;
    });
  } catch (error) {
    if (error instanceof CsvError) throw new CsvUnreadableError(error.message);
    throw error;
  }
}

function checkedNames(names: string[]): Column[] {
  const known = names.map((name) => name.trim().toLowerCase()) as Column[];
  const odd = known.filter((name) => !COLUMNS.includes(name));
  if (odd.length > 0)
    throw new CsvUnreadableError(`there is no column "${odd[0]!.slice(0, 50)}"; there are ${COLUMNS.join(', ')}`);
  if (!known.includes('sku')) throw new CsvUnreadableError(NO_NAMES);
  if (new Set(known).size < known.length) throw new CsvUnreadableError('a column is named twice');
  return known;
}

function lineOf(record: Row['record'], currency: string): Omit<CsvLine, 'line'> {
  const said: Record<string, unknown> = {};
  const errors: FieldError[] = [];
  for (const [column, cell] of Object.entries(record) as [Column, string][]) {
    const text = cell.replace(FORMULA, '');
    if (text === '' && column !== 'sku') {
      if (MAY_BE_EMPTY.includes(column)) said[FIELDS[column] ?? column] = null;
      continue;
    }
    const value = valueOf(column, text, currency);
    if (value === undefined) errors.push({ path: column, code: 'csv', message: `${column} must be ${WANTED[column]}` });
    else said[FIELDS[column] ?? column] = value;
  }
  const sku = (said.sku as string | undefined) ?? '';
  try {
    return { sku, changes: validateInput(UpdateProductBody, said), errors };
  } catch (error) {
    if (!(error instanceof ValidationError)) throw error;
    return { sku, changes: {}, errors: [...errors, ...(error.errors ?? [])] };
  }
}

const WANTED: Partial<Record<Column, string>> = {
  price: 'a plain number in your currency, such as 12.50',
  stock: 'a whole number, such as 25',
  low_stock_at: 'a whole number, such as 5',
  active: 'true or false',
};

/** undefined: it cannot be read. Bounds are those of every product. */
function valueOf(column: Column, text: string, currency: string): unknown {
  if (column === 'price') {
    const amount = parseAmount(text, currency);
    return amount === undefined ? undefined : { amount, currency };
  }
  if (column === 'stock' || column === 'low_stock_at') return /^\d{1,15}$/.test(text) ? Number(text) : undefined;
  if (column === 'active') return YES.test(text) || (NO.test(text) ? false : undefined);
  return text;
}

/** What `readProducts` reads; nothing in it is a formula to a spreadsheet. */
export function writeProducts(products: ProductView[], header: boolean): string {
  const records = products.map((each): Record<Column, string | number> => ({
    sku: each.sku,
    name: each.name,
    description: each.description ?? '',
    category: each.category ?? '',
    price: plainAmount(each.price),
    stock: each.stock,
    low_stock_at: each.lowStockAt ?? '',
    active: String(each.active),
  }));
  return stringify(records, { header, columns: [...COLUMNS], escape_formulas: true, record_delimiter: 'windows' });
}
