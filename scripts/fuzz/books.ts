import { GraphQLError } from 'graphql';
import { ANYBODY } from '../../src/core/access/viewer.ts';
import { RequestNotes } from '../../src/graphql/execution/request-notes.ts';
import { createGraphQLHandler } from '../../src/graphql/execution/yoga.ts';
import { AnswerBudget } from '../../src/graphql/protection/answer-budget.ts';
import { Engine } from '../../src/ledger/engine.ts';
import { FastPath } from '../../src/server/http/fast-path.ts';
import type { Names } from './values.ts';

const ACCOUNTS = 24;
const MOVES = 60;

/** Writes the books for random requests: accounts with money, transactions and open holds. Returns their names. */
export async function writeBooks(serviceUrl: string): Promise<Names> {
  const ledger = await Engine.openMain({ allowUnsafeDurability: true, databaseUrl: serviceUrl });
  try {
    const onFault = (fault: unknown) => {
      throw fault;
    };
    const path = new FastPath(createGraphQLHandler(onFault), { onFault });
    const mutate = async (field: string, input: object): Promise<readonly string[]> => {
      const type = `${field[0]?.toUpperCase()}${field.slice(1)}Input`;
      const query = `mutation ($input: ${type}!) { ${field}(input: $input) { ... on LedgerError { code message } ${MADE[field]} } }`;
      const facts = {
        ledger,
        viewer: ANYBODY,
        bodyBytes: query.length,
        notes: new RequestNotes(),
        budget: new AnswerBudget(),
      };
      const { data, errors } = (await path.answer({ query, variables: { input } }, facts)) ?? {};
      const made = data?.[field] as { code?: string; made?: { id: string }; hold?: { id: string } };
      if (errors !== undefined || made.code !== undefined)
        throw new GraphQLError(`${field} failed: ${JSON.stringify({ data, errors })}`);
      return [made.made?.id ?? '', made.hold?.id ?? ''];
    };

    const accounts: string[] = [];
    for (let place = 0; place < ACCOUNTS; place += 1) {
      const externalId = `account ${place}`;
      const [id = ''] = await mutate('createAccount', {
        owner: place % 2 === 0 ? 'ann' : 'bob',
        currency: place % 6 === 5 ? 'EUR' : 'USD',
        externalId,
        metadata: { order: `${place % 3}` },
      });
      accounts.push(`ext:${externalId}`, id);
      await mutate('deposit', { accountId: id, amount: '1000000', idempotencyKey: `deposit ${place}` });
    }
    const [holds, transactions]: [string[], string[]] = [[], []];
    for (let place = 0; place < MOVES; place += 1) {
      const externalId = `move ${place}`;
      const input = {
        fromAccountId: `ext:account ${place % 4}`,
        toAccountId: 'ext:account 4',
        amount: '100',
        idempotencyKey: externalId,
        externalId,
        metadata: { kind: `${place % 5}` },
      };
      const [moved = ''] = await mutate('transfer', input);
      const holdName = `hold ${place}`;
      const hold = { ...input, idempotencyKey: holdName, externalId: holdName };
      const [, held = ''] = await mutate('placeHold', hold);
      transactions.push(`ext:${externalId}`, moved);
      holds.push(`ext:${holdName}`, held);
    }
    return { accounts, holds, transactions };
  } finally {
    await ledger.close();
  }
}

const MADE: Readonly<Record<string, string>> = {
  createAccount: '... on AccountCreated { made: account { id } }',
  deposit: '... on TransactionPosted { made: transaction { id } }',
  transfer: '... on TransactionPosted { made: transaction { id } }',
  placeHold: '... on HoldPlaced { made: transaction { id } hold { id } }',
};
