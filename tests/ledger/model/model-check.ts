import fc from 'fast-check';
import pg from 'pg';
import type { Outcome } from '../../../src/core/transaction.ts';
import type { AccountUpdated } from '../../../src/ledger/ledger.ts';
import type { TestDatabase } from '../../support/database.ts';
import {
  commandOf,
  compareBooks,
  decimal,
  Names,
  type Program,
  type Service,
  textOfOutcome,
} from './model-program.ts';
import { ACCOUNTS, anyStep, OPENING, type Step, toRequest } from './model-requests.ts';
import { CLOSED_BEFORE, isChange, ReferenceModel, type Request, textOf } from './reference-model.ts';

/** Worlds share only the ledger: their requests share its batches. */
const WORLDS = 20;
const MAX_STEPS = 120;

/**
 * Sends random requests of every kind to the program and to the model, in several worlds at once, and returns their number. Some
 * requests of a world are sent together: then the model must give the program's answers in some order of them. Throws the
 * shortest difference, with its seed.
 */
export async function compareWithModel(
  { Engine, ...program }: Program,
  { serviceUrl }: TestDatabase,
  parameters: fc.Parameters<[Step[][]]>,
): Promise<number> {
  const ledger = await Engine.openMain({ allowUnsafeDurability: true, databaseUrl: serviceUrl });
  const reader = new pg.Pool({ connectionString: serviceUrl, max: 2 });
  try {
    await ledger.closePeriod({ before: CLOSED_BEFORE });
    let sent = 0;
    const steps = fc.array(anyStep, { minLength: 1, maxLength: MAX_STEPS, size: 'max' });
    const runs = fc.asyncProperty(
      fc.array(steps, { minLength: WORLDS, maxLength: WORLDS }),
      async (worlds) => {
        await Promise.all(worlds.map((world) => play({ ...program, ledger, reader }, world)));
        sent += worlds.flat().length;
      },
    );
    await fc.assert(runs, { unbiased: true, ...parameters });
    return sent;
  } finally {
    await reader.end();
    await ledger.close();
  }
}

/** Runs the steps of a world on its own accounts. */
async function play(service: Service, steps: readonly Step[]): Promise<void> {
  const names = await Names.make(service, ACCOUNTS);
  const asked: Request[] = [];
  let model = new ReferenceModel(ACCOUNTS);
  for (const wave of [[], ...wavesOf(steps)]) {
    const before = asked.length;
    if (before === 0) asked.push(...OPENING);
    for (const step of wave) asked.push(toRequest(step, model, asked));
    const requests = asked.slice(before);
    const sentAt = now();
    const outcomes = await Promise.all(
      requests.map((request, place) => send(service, request, names, wave[place]?.isSpeltOut ?? false)),
    );
    const answeredAt = now() + 1000n;
    for (const outcome of outcomes) names.learn(outcome);
    const answers = requests.map((request, place): Answer => {
      const outcome = outcomes[place];
      if (outcome === undefined) throw new TypeError('each request is answered');
      return { request, text: textOfOutcome(outcome, names), at: instantOf(outcome, sentAt, answeredAt) };
    });
    model = explain(model, answers) ?? fail(model, answers);
  }
  await compareBooks(service, names, model);
}

/**
 * Groups the steps that are sent together: at most six, with at most one change of an account, because the answers to two changes
 * do not show which one was first.
 */
function wavesOf(steps: readonly Step[]): Step[][] {
  const waves: Step[][] = [];
  for (const step of steps) {
    const last = waves.at(-1) ?? [];
    const isFull = last.length >= 6 || (isChange(step) && last.some(isChange));
    if (step.isTogether && last.length > 0 && !isFull) last.push(step);
    else waves.push([step]);
  }
  return waves;
}

interface Answer {
  readonly request: Request;
  readonly text: string;
  /** The range of instants in which it was decided. */
  readonly at: bigint;
}

const now = () => BigInt(Date.now()) * 1000n;

/**
 * A posted request has its createdAt. A refusal was decided between the request and its answer: an instant that had passed had
 * passed by the answer, and one that had not passed had not passed when the request was sent.
 */
function instantOf(outcome: Outcome | AccountUpdated, sentAt: bigint, answeredAt: bigint): bigint {
  if (outcome.code === 'POSTED') return outcome.transaction.createdAt;
  return outcome.code === 'HOLD_EXPIRED' || outcome.code === 'INVALID_INPUT' ? answeredAt : sentAt;
}

/** Returns the model after the requests, in an order that gives these answers; undefined if there is no such order. */
function explain(model: ReferenceModel, answers: readonly Answer[]): ReferenceModel | undefined {
  if (answers.length === 0) return model;
  for (const [place, { request, text, at }] of answers.entries()) {
    const next = model.fork();
    if (next.answer(request, at) !== text) continue;
    const last = explain(next, answers.toSpliced(place, 1));
    if (last !== undefined) return last;
  }
  return undefined;
}

/** Describes the model's answers in the order in which the requests were sent. */
function fail(model: ReferenceModel, answers: readonly Answer[]): never {
  const next = model.fork();
  const lines = answers.map(({ request, text, at }) => {
    const expected = next.answer(request, at);
    return `${textOf(request)}\n  was answered ${text}\n  ${expected === text ? 'as expected' : `not ${expected}`}`;
  });
  throw new Error(lines.join('\n'));
}

function send(
  { ledger, requests, toAccountUpdate }: Service,
  request: Request,
  names: Names,
  isSpeltOut: boolean,
): Promise<Outcome | AccountUpdated> {
  if (!isChange(request)) {
    const command = commandOf(requests, request, names, isSpeltOut);
    return 'facts' in command ? Promise.resolve(command) : ledger.post(command);
  }
  const accountId = names.given('account', request.accountId, isSpeltOut);
  if (request.kind !== 'LIMITS')
    return ledger.changeAccount(accountId, { kind: request.kind, idempotencyKey: null });
  const limit = (minor: bigint | null | undefined) => {
    if (minor === undefined) return undefined;
    return minor === null ? { unlimited: true } : { amount: decimal(minor, isSpeltOut) };
  };
  const { minBalance, maxBalance } = request;
  const change = toAccountUpdate({ accountId, minBalance: limit(minBalance), maxBalance: limit(maxBalance) });
  return 'facts' in change ? Promise.resolve(change) : ledger.changeAccount(accountId, change);
}
