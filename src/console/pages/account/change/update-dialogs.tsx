import { useState } from 'react';
import { Checkbox, TextField } from '../../../kit/fields/fields.tsx';
import {
  MetadataField,
  type MetadataRow,
  metadataProblem,
  toMetadata,
  toRows,
} from '../../../kit/fields/metadata-field.tsx';
import { useSession } from '../../../session/session-context.ts';
import { type Change, ChangeDialog } from './change-dialog.tsx';
import { type LimitValues, limitChange, limitProblem, limitValues } from './limits.ts';
import type { AccountDialogProps } from './status-dialogs.tsx';

/** Changes the lowest and the highest balance of an account. */
export function LimitsDialog({ account, onClose, onDone }: AccountDialogProps) {
  const { exponents } = useSession();
  const { currency } = account;
  const exponent = exponents.get(currency) ?? 0;
  // The limits as they were when the dialog was opened: a change by another person is not undone.
  const [{ minBalance, maxBalance }] = useState(account);
  const [lowest, setLowest] = useState(() => limitValues(minBalance));
  const [highest, setHighest] = useState(() => limitValues(maxBalance));
  const [isTried, setTried] = useState(false);
  const problems = [lowest, highest].map((limit) => limitProblem(limit, currency, exponent));
  const prepare = (): Change | undefined => {
    setTried(true);
    if (problems.some((problem) => problem !== undefined)) return undefined;
    const [min, max] = [
      limitChange(minBalance, lowest, exponent),
      limitChange(maxBalance, highest, exponent),
    ];
    if (min === undefined && max === undefined) {
      onClose();
      return undefined;
    }
    return {
      ...(min === undefined ? {} : { minBalance: min }),
      ...(max === undefined ? {} : { maxBalance: max }),
    };
  };
  return (
    <ChangeDialog
      account={account}
      change="limits"
      title="Change limits"
      description="The ledger rejects a transaction or a hold that would leave the account outside of its limits. The account must keep the new limits already."
      action="Change limits"
      prepare={prepare}
      onClose={onClose}
      onDone={() => onDone('The limits are changed.')}
    >
      <LimitFields
        label="Lowest balance"
        noLimit="No lower limit"
        description="The balance less the held amount stays at or above it. A negative amount allows an overdraft."
        currency={currency}
        value={lowest}
        error={isTried ? problems[0] : undefined}
        onChange={setLowest}
      />
      <LimitFields
        label="Highest balance"
        noLimit="No upper limit"
        description="The balance with the incoming amount stays at or below it."
        currency={currency}
        value={highest}
        error={isTried ? problems[1] : undefined}
        onChange={setHighest}
      />
    </ChangeDialog>
  );
}

interface LimitFieldsProps {
  readonly label: string;
  readonly noLimit: string;
  readonly description: string;
  readonly currency: string;
  readonly value: LimitValues;
  readonly error: string | undefined;
  readonly onChange: (value: LimitValues) => void;
}

function LimitFields({ label, noLimit, description, currency, value, error, onChange }: LimitFieldsProps) {
  return (
    <div className="stack">
      <Checkbox
        label={noLimit}
        isSelected={value.isUnlimited}
        onChange={(isUnlimited) => onChange({ ...value, isUnlimited })}
      />
      {value.isUnlimited ? null : (
        <TextField
          label={`${label} (${currency})`}
          inputMode="text"
          description={description}
          value={value.amount}
          error={error}
          onChange={(amount) => onChange({ ...value, amount })}
        />
      )}
    </div>
  );
}

/** Replaces the metadata of an account. */
export function MetadataDialog({ account, onClose, onDone }: AccountDialogProps) {
  const [rows, setRows] = useState<readonly MetadataRow[]>(() => toRows(account.metadata));
  return (
    <ChangeDialog
      account={account}
      change="metadata"
      title="Change metadata"
      description="These rows replace all metadata of the account. A row that you remove is removed from the account."
      action="Replace metadata"
      prepare={() => (metadataProblem(rows) === undefined ? { metadata: toMetadata(rows) } : undefined)}
      onClose={onClose}
      onDone={() => onDone('The metadata is changed.')}
    >
      <MetadataField value={rows} onChange={setRows} />
    </ChangeDialog>
  );
}

/** Gives an external id to an account that has none. */
export function ExternalIdDialog({ account, onClose, onDone }: AccountDialogProps) {
  const [externalId, setExternalId] = useState('');
  const [error, setError] = useState<string>();
  return (
    <ChangeDialog
      account={account}
      change="externalId"
      title="Set external id"
      description="Your own name for the account, unique in the ledger. It is set once and cannot be changed later."
      action="Set external id"
      prepare={() => {
        const name = externalId.trim();
        if (name === '') {
          setError('Enter an external id, such as customer-42.');
          return undefined;
        }
        return { externalId: name };
      }}
      onClose={onClose}
      onDone={() => onDone('The external id is set.')}
    >
      <TextField
        label="External id"
        placeholder="customer-42"
        value={externalId}
        error={error}
        onChange={(text) => {
          setExternalId(text);
          setError(undefined);
        }}
      />
    </ChangeDialog>
  );
}
