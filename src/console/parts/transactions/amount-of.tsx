import type { TransactionRow } from '../../data/transactions.ts';
import { Amount } from '../../kit/values/money.tsx';
import { useSession } from '../../session/session-context.ts';
import { sumOf } from '../flow/flow.ts';

/** The amount of a transaction: the sum of its debits, one for each currency. */
export function AmountOf({
  transaction,
}: {
  readonly transaction: Pick<TransactionRow, 'amount' | 'entries'>;
}) {
  const { exponents } = useSession();
  const { amount, entries } = transaction;
  if (amount !== null) return <Amount money={amount} />;
  const debits = entries.filter(({ side, layer }) => side === 'DEBIT' && layer === 'POSTED');
  const currencies = [...new Set(debits.map((entry) => entry.amount.currency))];
  return currencies.map((currency, place) => {
    const amounts = debits.map((entry) => entry.amount).filter((money) => money.currency === currency);
    return (
      <span key={currency}>
        {place === 0 ? null : ' + '}
        <Amount money={{ amount: sumOf(amounts, currency, exponents), currency }} />
      </span>
    );
  });
}
