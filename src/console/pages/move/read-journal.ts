import { incomplete, readAmount } from '../../data/amount-text.ts';
import { balancesOf } from './journal-balance.ts';
import { type MoveFacts, type Problems, readAccount } from './read-fields.ts';
import type { MoveValues } from './values.ts';

const MOST_ROWS = 100;

/** Reads the rows of a journal. Its idempotency key belongs to the chosen account, or to the one of the first row. */
export function readJournal(values: MoveValues, facts: MoveFacts, problems: Problems) {
  const { rows, keyAccount } = values;
  const entries = rows.map(({ account, side, amount, description }, index) => {
    const accountId = readAccount(problems, `rows.${index}.account`, account);
    const currency = facts.accounts.get(accountId)?.currency;
    const read = readAmount(amount, currency, facts.exponents.get(currency ?? ''));
    if ('problem' in read) problems[`rows.${index}.amount`] = read;
    const note = description.trim();
    const text = note === '' ? {} : { description: note };
    return { accountId, side, amount: 'amount' in read ? read.amount : '', ...text };
  });
  if (rows.length < 2) problems['rows'] = incomplete('A journal has at least 2 rows. Add another one.');
  if (rows.length > MOST_ROWS) {
    problems['rows'] = incomplete(`A journal has at most ${MOST_ROWS} rows. Remove some of them.`);
  }
  const unequal = balancesOf(rows, facts).filter(({ missing }) => missing !== undefined);
  if (unequal.length > 0) {
    const currencies = unequal.map(({ currency }) => currency).join(', ');
    problems['rows'] ??= incomplete(`The debits and the credits are not equal: ${currencies}.`);
  }
  const accounts = entries.map(({ accountId }) => accountId);
  const chosen = accounts.includes(keyAccount) ? keyAccount : (accounts[0] ?? '');
  return { keyAccountId: chosen, entries };
}
