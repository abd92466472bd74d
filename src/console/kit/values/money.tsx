import { formatAmount, formatMoney, isNegative } from '../../data/amounts.ts';

interface AmountProps {
  readonly money: { readonly amount: string; readonly currency: string };
  /** The table's heading names the currency. */
  readonly withoutCurrency?: boolean;
}

/** An amount in the viewer's number format. The exact text of the ledger is its value. */
export function Amount({ money, withoutCurrency = false }: AmountProps) {
  const { amount, currency } = money;
  return (
    <data value={`${amount} ${currency}`} className={isNegative(amount) ? 'amount negative' : 'amount'}>
      {withoutCurrency ? formatAmount(amount) : formatMoney(money)}
    </data>
  );
}
