import { expect, test, vi } from 'vitest';
import { createTestDatabase } from '../../support/database.ts';
import { makeAccount, openLedger, transfer } from '../../support/ledger.ts';
import { serve } from '../api.ts';

const ledger = await openLedger(await createTestDatabase());
const api = await serve(ledger);
const alice = await makeAccount(ledger, { owner: 'alice', funds: '10' });
const bob = await makeAccount(ledger, { owner: 'bob' });
await transfer(ledger, { fromAccountId: alice, toAccountId: bob, amount: '1' });
const findAccounts = vi.spyOn(ledger, 'findAccounts');

const OWNERS = 'fragment Both on Account { id owner }';
/** Selections of an entry's account, and the number of reads of accounts that each needs. */
const SELECTIONS: readonly (readonly [selection: string, fragments: string, reads: number])[] = [
  ['account { id }', '', 0],
  ['account { __typename id name: id }', '', 0],
  ['account { id @include(if: true) }', '', 0],
  ['account { id owner }', '', 1],
  ['account { ...Both }', OWNERS, 1],
  ['account { ... on Account { id } }', '', 1],
  ['account { id } account { owner }', '', 1],
  ['account { id } other: account { owner }', '', 1],
];

test.each(SELECTIONS)(
  '%s %s reads accounts %i times, and returns the ids',
  async (selection, fragments, reads) => {
    const query = `{ journal(first: 10) { nodes { type entries { ${selection} } } } } ${fragments}`;
    // The third request is executed by a compiled operation.
    for (let time = 0; time < 3; time += 1) {
      findAccounts.mockClear();
      const { data, errors } = await api.ask<{
        journal: { nodes: { type: string; entries: { account: object }[] }[] };
      }>(query);
      expect(errors).toBeUndefined();
      expect(findAccounts).toHaveBeenCalledTimes(reads);
      const moved = data.journal.nodes.find(({ type }) => type === 'TRANSFER')?.entries ?? [];
      expect(moved.map(({ account }) => account)).toMatchObject(
        [{ id: alice }, { id: bob }].map((ids) => (selection.includes('id') ? ids : {})),
      );
      if (selection.includes('owner') && !selection.includes('other')) {
        expect(moved.map(({ account }) => account)).toMatchObject([{ owner: 'alice' }, { owner: 'bob' }]);
      }
    }
  },
);
