/** Amounts as people type them: checked as text, never rounded, never guessed. */
import { fromMinor, toMinor } from '../../client/index.ts';

/** A mistake in a value, and how to correct it. `isIncomplete`: more characters may correct it, so that it is no mistake while a person types. */
export interface Problem {
  readonly problem: string;
  readonly isIncomplete: boolean;
}

export type ReadAmount = { readonly amount: string } | Problem;

const EXAMPLE = 'Write digits and a point, such as 12.50.';

/** Reads an amount above zero. Without the decimals of its currency, the ledger checks them. */
export function readAmount(typed: string, currency?: string, exponent?: number): ReadAmount {
  const text = typed.trim();
  if (/^[-+−]/.test(text)) return wrong('Write the amount without a sign: it is always above zero.');
  const read = readDigits(text, currency, exponent);
  return 'problem' in read || /[1-9]/.test(text) ? read : incomplete('Enter an amount above zero.');
}

/** Reads a limit of a balance, which may also be zero or below it. */
export function readLimit(typed: string, currency?: string, exponent?: number): ReadAmount {
  const [, sign = '', digits = ''] = /^([-−]?)(.*)$/s.exec(typed.trim()) ?? [];
  const read = readDigits(digits, currency, exponent);
  return 'problem' in read || sign === '' ? read : { amount: `-${read.amount}` };
}

function readDigits(text: string, currency?: string, exponent?: number): ReadAmount {
  if (text === '') return incomplete(`Enter an amount. ${EXAMPLE}`);
  if (text.includes(',')) {
    return wrong(
      'Write a point before the decimals, and no commas: a comma means decimals in some countries and thousands in others.',
    );
  }
  if (/\s/.test(text)) return wrong('Write the amount without spaces.');
  const other = /[^\d.]/.exec(text)?.[0];
  if (other !== undefined) return wrong(`“${other}” is not a digit. ${EXAMPLE}`);
  if (text.split('.').length > 2) return wrong('Write one point, before the decimals.');
  if (text.startsWith('.')) return wrong(`Write a digit before the point: 0${text}`);
  const decimals = text.split('.')[1];
  if (decimals === '') return incomplete('Write the decimals after the point, or remove it.');
  if (exponent !== undefined && (decimals?.length ?? 0) > exponent) {
    const most = exponent === 0 ? 'no decimals' : `at most ${exponent} decimals`;
    return wrong(`${currency ?? 'This currency'} has ${most}. The amount has ${decimals?.length}.`);
  }
  return { amount: text };
}

/** Returns an amount with all decimals of its currency: `12.5` is `12.50`. */
export function withDecimals(amount: string, exponent: number | undefined): string {
  return exponent === undefined ? amount : fromMinor(toMinor(amount, exponent), exponent);
}

function wrong(problem: string): Problem {
  return { problem, isIncomplete: false };
}

export function incomplete(problem: string): Problem {
  return { problem, isIncomplete: true };
}
