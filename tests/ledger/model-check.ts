import { randomUUID } from 'node:crypto';
import fc from 'fast-check';
import type { Command } from '../../src/core/command.ts';
import type { Refusal } from '../../src/core/errors.ts';
import type { Outcome } from '../../src/core/transaction.ts';
import type { TestDatabase } from '../support/database.ts';
import { balance, makeAccount } from '../support/ledger.ts';
import { OUTSIDE, ReferenceModel, type Request } from './reference-model.ts';

/** The program that is compared with the model: the project's own, or a copy of it with a bug planted. */
export interface Program {
  readonly Ledger: typeof import('../../src/ledger/ledger.ts').Ledger;
  readonly toDeposit: typeof import('../../src/core/command.ts').toDeposit;
  readonly toWithdrawal: typeof import('../../src/core/command.ts').toWithdrawal;
  readonly toTransfer: typeof import('../../src/core/command.ts').toTransfer;
}

const NAMES = ['a', 'b', 'c', 'euro'];
const account = fc.constantFrom(...NAMES);
const anyRequest: fc.Arbitrary<Request> = fc
  .record({
    kind: fc.constantFrom('DEPOSIT', 'WITHDRAWAL', 'TRANSFER', 'TRANSFER', 'TRANSFER'),
    from: account,
    to: account,
    amount: fc.bigInt({ min: 1n, max: 9n }).map((units) => units * 100n),
    key: fc.constantFrom(...Array.from({ length: 40 }, (_, place) => `key ${place}`)),
    externalId: fc.option(fc.constantFrom('order 1', 'order 2', 'order 3', 'order 4'), { freq: 3 }),
  })
  .map(({ kind, from, to, ...rest }) => ({
    kind,
    from: kind === 'DEPOSIT' ? OUTSIDE : from,
    to: kind === 'WITHDRAWAL' ? OUTSIDE : to,
    ...rest,
  }));

/**
 * Sends random requests, repeats and conflicts among them, to the program and to the model, each run on accounts of its own;
 * transfers that follow each other are sent at once. Throws the shortest difference that it finds, with its seed.
 */
export async function compareWithModel(
  { Ledger, ...program }: Program,
  { serviceUrl }: TestDatabase,
  parameters: fc.Parameters<[Request[]]>,
): Promise<void> {
  // With one lane the order of arrival is the order of decision.
  const ledger = await Ledger.open({ databaseUrl: serviceUrl, lanes: 1 });
  try {
    const property = fc.asyncProperty(
      fc.array(anyRequest, { minLength: 30, maxLength: 120 }),
      async (requests) => {
        const run = randomUUID();
        const ids = new Map(
          await Promise.all(
            NAMES.map(async (name): Promise<[string, string]> => {
              const currency = name === 'euro' ? 'EUR' : 'USD';
              return [
                name,
                await makeAccount(ledger, { owner: run, currency, externalId: `${run} ${name}` }),
              ];
            }),
          ),
        );
        const model = new ReferenceModel(
          new Map(NAMES.map((name) => [name, name === 'euro' ? 'EUR' : 'USD'])),
        );
        const send = async (request: Request) =>
          answerOf(await ledger.post(expectCommand(commandOf(program, request, ids, run))));

        for (const group of groupTransfers(requests)) {
          const expected = group.map((request) => model.answer(request));
          const answers = await Promise.all(group.map(send));
          for (const [place, answer] of answers.entries()) {
            if (answer !== expected[place]) {
              throw new Error(`${describe(group[place])} was answered ${answer}, not ${expected[place]}`);
            }
          }
        }
        for (const [name, id] of ids) {
          const [found, expected] = [await balance(ledger, id), model.balances.get(name) ?? 0n];
          if (found !== expected) throw new Error(`${name} has ${found}, not ${expected}`);
        }
      },
    );
    await fc.assert(property, parameters);
  } finally {
    await ledger.close();
  }
}

function commandOf(
  { toDeposit, toWithdrawal, toTransfer }: Omit<Program, 'Ledger'>,
  { kind, from, to, amount, key, externalId }: Request,
  ids: ReadonlyMap<string, string>,
  run: string,
): Command | Refusal {
  const attempt = {
    amount: `${amount / 100n}.00`,
    idempotencyKey: key,
    externalId: externalId === null ? null : `${run} ${externalId}`,
  };
  const [fromAccountId = '', toAccountId = ''] = [ids.get(from), ids.get(to)];
  if (kind === 'DEPOSIT') return toDeposit({ accountId: toAccountId, ...attempt });
  if (kind === 'WITHDRAWAL') return toWithdrawal({ accountId: fromAccountId, ...attempt });
  return toTransfer({ fromAccountId, toAccountId, ...attempt });
}

const FIELD_NAMES: Readonly<Record<string, string>> = { fromAccountId: 'from', toAccountId: 'to' };

function answerOf(outcome: Outcome): string {
  if (outcome.code === 'IDEMPOTENCY_CONFLICT') {
    const fields = outcome.facts.differingFields.map((field) => FIELD_NAMES[field] ?? field);
    return `${outcome.code}: ${fields.join(' ')}`;
  }
  return outcome.replayed ? `${outcome.code} again` : outcome.code;
}

function expectCommand(command: Command | Refusal): Command {
  if ('code' in command) throw new Error(`refused before it was sent: ${command.code}`);
  return command;
}

/** Cuts requests where something else than a transfer stands, which is sent alone. */
function groupTransfers(requests: readonly Request[]): Request[][] {
  const groups: Request[][] = [];
  for (const request of requests) {
    const last = groups.at(-1);
    if (request.kind === 'TRANSFER' && last?.[0]?.kind === 'TRANSFER') last.push(request);
    else groups.push([request]);
  }
  return groups;
}

function describe(request: Request | undefined): string {
  return JSON.stringify(request, (_, value) => (typeof value === 'bigint' ? `${value}` : value));
}
