import type { AuditEvent } from './audit.ts';
import { type Refusal, refuse } from './errors.ts';
import { type Currency, ISO_4217 } from './values/currency.ts';

/** The input of createCurrency. */
export type CreateCurrencyInput = Currency;

/** An amount has 38 digits in minor units. This leaves 8 of them for the whole part. */
const MAX_EXPONENT = 30;

/** Whether a text has the form of a currency code. */
export function isCurrencyCode(code: string): boolean {
  return /^[A-Z][A-Z0-9]{2,11}$/.test(code);
}

/** Reads the input of createCurrency. Refuses ISO 4217 codes: these currencies are built in. */
export function toCurrency({ code, exponent }: CreateCurrencyInput): Currency | Refusal {
  if (!isCurrencyCode(code)) {
    return refuse('malformedInput', {
      field: 'code',
      problem: 'must have 3 to 12 characters from A to Z and 0 to 9, and start with a letter',
    });
  }
  if (!Number.isInteger(exponent) || exponent < 0 || exponent > MAX_EXPONENT) {
    return refuse('malformedInput', {
      field: 'exponent',
      problem: `must be a whole number from 0 to ${MAX_EXPONENT}`,
    });
  }
  const published = ISO_4217.get(code);
  return published === undefined ? { code, exponent } : refuse('currencyTaken', { registered: published });
}

/** Returns the audit event of registering a currency. */
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
