import type { AuditEvent } from './audit.ts';
import { type Refusal, refuse } from './errors.ts';
import { type Currency, ISO_4217 } from './values/currency.ts';

/** What createCurrency takes, as the API does. */
export type CreateCurrencyInput = Currency;

/** Of the 38 digits of an amount in minor units, 8 are left before the point. */
const MAX_EXPONENT = 30;

/** Whether a currency can have this code. */
export function isCurrencyCode(code: string): boolean {
  return /^[A-Z][A-Z0-9]{2,11}$/.test(code);
}

/** Reads the input of createCurrency. What ISO 4217 has needs no registration, and is never registered otherwise. */
export function toCurrency({ code, exponent }: CreateCurrencyInput): Currency | Refusal {
  if (!isCurrencyCode(code)) {
    return refuse('malformedInput', {
      field: 'code',
      problem: 'must have 3 to 12 of the characters A to Z and 0 to 9, and begin with a letter',
    });
  }
  if (!Number.isInteger(exponent) || exponent < 0 || exponent > MAX_EXPONENT) {
    return refuse('malformedInput', {
      field: 'exponent',
      problem: `must be a number from 0 to ${MAX_EXPONENT}`,
    });
  }
  const published = ISO_4217.get(code);
  return published === undefined ? { code, exponent } : refuse('currencyTaken', { registered: published });
}

/** What is recorded of a currency that is registered. */
export function auditRegistration({ code, exponent }: Currency): AuditEvent {
  return {
    action: 'createCurrency',
    subjectType: 'CURRENCY',
    subject: code,
    before: null,
    after: { exponent: `${exponent}` },
    attempt: null,
    salt: null,
  };
}
