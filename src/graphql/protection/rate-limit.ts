import {
  defaultFieldResolver,
  type GraphQLError,
  type GraphQLFieldResolver,
  type GraphQLSchema,
} from 'graphql';
import { type Refusal, refuse } from '../../core/errors.ts';
import { type Context, settle } from '../context.ts';
import { requestRefused } from '../execution/answer.ts';
import type { AnswerBudget } from './answer-budget.ts';
import type { RateExcess } from './caller-limits.ts';
import { batchSizeOf } from './cost.ts';

/** Takes the cost of an operation from the limit of its caller. Returns the refusal of the request if it exceeds the limit. */
export function takeCost({ rateLimit }: AnswerBudget, cost: number): GraphQLError | undefined {
  const excess = rateLimit?.takeCost(cost);
  return excess && rateLimited(excess);
}

const UNITS: Readonly<Record<RateExcess['limit'], string>> = {
  requestsPerSecond: 'requests',
  costPerSecond: 'units of cost',
  previewsPerSecond: 'previews',
};

/** Returns the refusal of a whole request. */
export function rateLimited({ limit, allowed, retryAfterMs }: RateExcess): GraphQLError {
  return tooManyRequests(
    `The credential exceeds its limit of ${allowed.toLocaleString('en')} ${UNITS[limit]} per second.`,
    retryAfterMs,
    { limit, allowed },
  );
}

/** Returns the refusal of a request that may be repeated later. */
export function tooManyRequests(
  problem: string,
  retryAfterMs: number,
  facts: Readonly<Record<string, unknown>> = {},
): GraphQLError {
  return requestRefused(
    429,
    `${problem} Nothing was done. Repeat the request after ${retryAfterMs.toLocaleString('en')} ms.`,
    {
      code: 'RATE_LIMITED',
      headers: { 'retry-after': String(Math.ceil(retryAfterMs / 1000)) },
      facts: { ...facts, retryAfterMs },
    },
  );
}

/**
 * Takes previews from the limit of a caller restricted to an owner, and returns the refusal if they exceed the limit. Many previews
 * would reveal the limits of other accounts.
 */
export function takePreviews(
  { viewer, budget }: Context,
  count: number,
): Refusal<'RATE_LIMITED'> | undefined {
  if (viewer.owner === null || count === 0) return undefined;
  const excess = budget.rateLimit?.takePreviews(count);
  return excess && refuse('rateLimited', { retryAfterMs: excess.retryAfterMs });
}

/**
 * Wraps the schema's mutations so that each takes its operations from the limit of the caller: one, or one for each element of a
 * batch. A mutation that exceeds the limit is refused before it is executed.
 */
export function limitOperations(schema: GraphQLSchema): GraphQLSchema {
  for (const [name, field] of Object.entries(schema.getMutationType()?.getFields() ?? {})) {
    field.resolve = limited(name, field.resolve ?? defaultFieldResolver);
  }
  return schema;
}

type Resolver = GraphQLFieldResolver<unknown, Context>;

function limited(name: string, resolve: Resolver): Resolver {
  return (source, args, context, info) => {
    const excess = context.budget.rateLimit?.takeOperations(batchSizeOf(name, args) ?? 1);
    if (excess === undefined) return resolve(source, args, context, info);
    return settle(context, refuse('rateLimited', { retryAfterMs: excess.retryAfterMs }));
  };
}
