import { type FormEvent, useRef } from 'react';
import { formatMoney } from '../../data/amounts.ts';
import { Button } from '../../kit/button.tsx';
import { TextField } from '../../kit/fields/fields.tsx';
import { Section } from '../../kit/page.tsx';
import { Outcome } from '../../parts/payments/outcome.tsx';
import { useSession } from '../../session/session-context.ts';
import type { FieldsProps } from './fields.ts';
import { HoldFields } from './hold-fields.tsx';
import { JournalFields } from './journal-fields.tsx';
import { MoreFields } from './more-fields.tsx';
import { PartyFields } from './party-fields.tsx';
import { Posted } from './posted.tsx';
import { Preview } from './preview.tsx';
import type { ReadMove } from './read-move.ts';
import { useMove } from './use-move.ts';
import type { MoveKind } from './values.ts';

const VERBS: Readonly<Record<MoveKind, string>> = {
  deposit: 'Deposit',
  withdraw: 'Withdraw',
  transfer: 'Transfer',
  hold: 'Hold',
  capture: 'Capture',
  void: 'Void the hold',
  journal: 'Post the journal',
};

interface MoveFormProps {
  readonly kind: MoveKind;
  /** The query of the address, which fills the form. */
  readonly link: string;
}

/** The form of one operation, its preview, and its result. */
export function MoveForm({ kind, link }: MoveFormProps) {
  const { isAllowed } = useSession();
  const { payment, read, fields, showProblems } = useMove(kind, link);
  const form = useRef<HTMLFormElement>(null);
  const { state, send, startNew } = payment;

  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (state.kind !== 'undecided' && read.operation === undefined) {
      showProblems(true);
      // The mistakes are in the page after it is rendered.
      requestAnimationFrame(() =>
        form.current
          ?.querySelector<HTMLElement>('[aria-invalid], .metadata[aria-describedby] input')
          ?.focus(),
      );
      return;
    }
    showProblems(false);
    void send(read.operation);
  };
  if (state.kind === 'posted') {
    return (
      <Posted kind={kind} result={state.result} onMore={() => startNew({ amount: '', externalId: '' })} />
    );
  }
  const isLocked = state.kind === 'undecided';
  return (
    <div className={kind === 'journal' ? 'stack' : 'move-columns'}>
      <form ref={form} noValidate onSubmit={submit}>
        <Section title={VERBS[kind]}>
          <fieldset className="move-fields stack" disabled={isLocked}>
            <KindFields {...fields} />
            <TextField
              label="Description"
              isOptional
              value={fields.values.description}
              description="A note for people. Each owner of an account of the posting can read it."
              onChange={(description) => fields.change({ description })}
            />
            <MoreFields {...fields} />
          </fieldset>
          <Outcome
            state={state}
            what="payment"
            attempt={{
              place: 'the transactions',
              onGiveUp: startNew,
              onStartNew: () => startNew(payment.values),
            }}
          />
          <div className="row">
            <Button type="submit" kind="primary" isBusy={state.kind === 'sending'}>
              {labelOf(kind, read, state.kind)}
            </Button>
          </div>
        </Section>
      </form>
      {isAllowed('preview') && !isLocked ? <Preview operation={read.operation} /> : null}
    </div>
  );
}

function KindFields({ kind, ...rest }: FieldsProps) {
  switch (kind) {
    case 'capture':
    case 'void':
      return <HoldFields kind={kind} {...rest} />;
    case 'journal':
      return <JournalFields kind={kind} {...rest} />;
    default:
      return <PartyFields kind={kind} {...rest} />;
  }
}

function labelOf(kind: MoveKind, { amount, currency }: ReadMove, state: string): string {
  if (state === 'sending') return 'Sending …';
  if (state === 'undecided') return 'Try again';
  const verb = VERBS[kind];
  if (amount === undefined) return kind === 'capture' ? 'Capture the hold' : verb;
  return `${verb} ${currency === undefined ? amount : formatMoney({ amount, currency })}`;
}
