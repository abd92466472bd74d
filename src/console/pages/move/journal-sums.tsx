import { formatMoney } from '../../data/amounts.ts';
import { Button } from '../../kit/button.tsx';
import { Amount } from '../../kit/values/money.tsx';
import {
  balancesOf,
  fillLastRow,
  type JournalBalance,
  type JournalRow,
  uncounted,
} from './journal-balance.ts';
import type { MoveFacts } from './read-fields.ts';

interface JournalSumsProps {
  readonly rows: readonly JournalRow[];
  readonly facts: MoveFacts;
  readonly error: string | undefined;
  readonly onFill: (rows: readonly JournalRow[]) => void;
}

/** The sums of each currency of a journal, and what is missing to equal sums. */
export function JournalSums({ rows, facts, error, onFill }: JournalSumsProps) {
  const balances = balancesOf(rows, facts);
  const left = uncounted(rows, facts);
  return (
    <div className="journal-sums">
      {balances.length === 0 ? (
        <p className="quiet">Choose accounts to see the sums of debits and credits.</p>
      ) : (
        balances.map((balance) => (
          <div key={balance.currency} className="journal-sum">
            <span className="quiet">
              Debits <Amount money={{ amount: balance.debits, currency: balance.currency }} />, credits{' '}
              <Amount money={{ amount: balance.credits, currency: balance.currency }} />
            </span>
            <strong
              role="status"
              className={
                balance.missing === undefined && left.length === 0 ? 'journal-equal' : 'journal-missing'
              }
            >
              {wordsOf(balance, left.length === 0)}
            </strong>
            {balance.missing === undefined ? null : (
              <Button size="small" onPress={() => onFill(fillLastRow(rows, balance, facts))}>
                Fill the last row
              </Button>
            )}
          </div>
        ))
      )}
      {balances.length === 0 || left.length === 0 ? null : (
        <p role="status">
          {left.length === 1 ? `Row ${left[0]} has` : `Rows ${left.join(', ')} have`} no account yet. The sums
          are without it.
        </p>
      )}
      {error === undefined ? null : (
        <p className="field-error" role="alert">
          {error}
        </p>
      )}
    </div>
  );
}

function wordsOf({ currency, missing }: JournalBalance, isComplete: boolean): string {
  if (missing === undefined) return `${currency}: ${isComplete ? 'equal' : 'equal so far'}`;
  const { side, amount } = missing;
  return `${formatMoney({ amount, currency })} ${side.toLowerCase()} missing`;
}
