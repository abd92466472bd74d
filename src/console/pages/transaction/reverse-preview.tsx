import type { PreviewResult } from '../../../client/index.ts';
import { isRefusal } from '../../../client/index.ts';
import { explainFailure } from '../../data/failures.ts';
import type { Refusal } from '../../data/payments/refusals.ts';
import type { Party } from '../../data/transactions.ts';
import { Amount } from '../../kit/values/money.tsx';
import { RefusalView } from '../../kit/values/refusal.tsx';
import { useAccounts } from '../../parts/accounts/use-accounts.ts';
import { PartyName } from './entry-table.tsx';

interface ReversePreviewProps {
  /** Undefined while it is read. */
  readonly result: PreviewResult | undefined;
  readonly error: unknown;
  readonly parties: readonly Party[];
}

/** The balances that a reversal would leave, or the reason why it would be refused. */
export function ReversePreview({ result, error, parties }: ReversePreviewProps) {
  const accounts = useAccounts(parties.map(({ accountId }) => accountId));
  if (result === undefined) {
    const text = error === null ? 'Reading the balances that this leaves …' : explainFailure(error).title;
    return (
      <p role="status" className="quiet">
        {text}
      </p>
    );
  }
  if (isRefusal(result)) return <RefusalView refusal={result as Refusal} tone="warning" />;
  const ids = [...new Set(result.entries.map(({ account }) => account.id))];
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: a region that scrolls needs the focus to be scrolled by keys
    <section className="table-frame" tabIndex={0} aria-label="Balances that this leaves">
      <table>
        <caption className="sr-only">Balances that this leaves</caption>
        <thead>
          <tr>
            <th scope="col">Account</th>
            <th scope="col" className="number">
              Balance
            </th>
            <th scope="col" className="number">
              Leaves
            </th>
          </tr>
        </thead>
        <tbody>
          {ids.map((id) => {
            const balance = accounts.get(id)?.balance;
            const after = result.entries.findLast(({ account }) => account.id === id)?.balanceAfter;
            return (
              <tr key={id}>
                <td>
                  <PartyName id={id} parties={parties} isLink={false} />
                </td>
                <td className="number">{balance === undefined ? null : <Amount money={balance} />}</td>
                <td className="number">{after === undefined ? null : <Amount money={after} />}</td>
              </tr>
            );
          })}
        </tbody>
      </table>
    </section>
  );
}
