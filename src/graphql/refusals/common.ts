import { CODES, LedgerError, type RefusalType, typeOf } from './refusal.ts';

const InvalidInputError = typeOf('INVALID_INPUT').implement({
  interfaces: [LedgerError],
  description: CODES.INVALID_INPUT,
  fields: (t) => ({
    field: t.string({
      description: 'The path of the field in the input, such as `metadata`.',
      resolve: ({ facts }) => facts.field,
    }),
  }),
});

const ForbiddenError = typeOf('FORBIDDEN').implement({
  interfaces: [LedgerError],
  description: CODES.FORBIDDEN,
});

const RateLimitedError = typeOf('RATE_LIMITED').implement({
  interfaces: [LedgerError],
  description: CODES.RATE_LIMITED,
  fields: (t) => ({
    retryAfterMs: t.int({
      description: 'Milliseconds to wait before the next attempt.',
      resolve: ({ facts }) => facts.retryAfterMs,
    }),
  }),
});

const OverloadedError = typeOf('OVERLOADED').implement({
  interfaces: [LedgerError],
  description: CODES.OVERLOADED,
  fields: (t) => ({
    retryAfterMs: t.int({
      description: 'Milliseconds to wait before the next attempt.',
      resolve: ({ facts }) => facts.retryAfterMs,
    }),
  }),
});

const UnavailableError = typeOf('UNAVAILABLE').implement({
  interfaces: [LedgerError],
  description: CODES.UNAVAILABLE,
});

const InternalError = typeOf('INTERNAL').implement({
  interfaces: [LedgerError],
  description: CODES.INTERNAL,
});

/** The refusals that any mutation can return. */
export const COMMON_REFUSALS: readonly RefusalType[] = [
  InvalidInputError,
  ForbiddenError,
  RateLimitedError,
  OverloadedError,
  UnavailableError,
  InternalError,
];
