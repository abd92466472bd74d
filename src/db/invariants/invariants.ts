/**
 * The invariants' check: what is true of the books at every moment, whoever wrote them. Each invariant is one query that
 * answers with sentences, none where it holds; `select` is all that it needs, so that the service's own login runs it.
 *
 * The triggers refuse most of what is looked for here. They let pass, and only this check finds: a false sum between the
 * first and the last entry of an account in one block (I2), an edited hold (I2), a limit broken and mended inside one block
 * (I6), a transaction that is reversed twice (I7), a false digest or root (I9). The rest is what the tables' owner, a restore or a broken disk can do. I5 (acknowledged
 * answers are found again) and I8 (nothing leaks) do not show in the tables.
 */
import { sql } from 'kysely';
import type { Database } from '../postgres/database.ts';
import { accountsAgreeWithEntries, layersSumToZero, versionsHaveNoGap } from './account-invariants.ts';
import { auditChainHolds } from './audit-invariant.ts';
import { type Check, chainHolds } from './chain-invariant.ts';
import { keysHaveOneEffect } from './key-invariant.ts';
import { balancesAreWithinLimits } from './limit-invariant.ts';
import { transactionsAreWhole } from './transaction-invariant.ts';

export interface InvariantReport {
  readonly name: 'I1' | 'I2' | 'I3' | 'I4' | 'I6' | 'I7' | 'I9';
  /** What the invariant says, in one sentence. */
  readonly rule: string;
  /** The first 20 breaches, each a sentence that names its rows; empty where the invariant holds. */
  readonly violations: readonly string[];
}

/**
 * Checks all ledgers of the database in one snapshot, without a lock. Every table is read whole: a million entries take
 * some 20 seconds and a gigabyte of temporary space, and the database's `statementDeadlineMs` must leave room for that.
 */
export function checkInvariants(db: Database): Promise<InvariantReport[]> {
  const snapshot = db.transaction().setIsolationLevel('repeatable read').setAccessMode('read only');
  return snapshot.execute(async (trx) => {
    // Tables are read whole and joined by all of a key's columns: by hashing, whatever the statistics say. A merge could go
    // by ledger_id alone, which all rows may have in common.
    await sql`
      select set_config('statement_timeout', '0', true), set_config('work_mem', '64MB', true),
        set_config('enable_nestloop', 'off', true), set_config('enable_mergejoin', 'off', true),
        set_config('jit', 'off', true)`.execute(trx);
    const reports: InvariantReport[] = [];
    for (const { name, rule, check } of INVARIANTS) {
      const { rows } = await sql<{ violation: string }>`
        select violation from (${check}) as breaches limit 20`.execute(trx);
      reports.push({ name, rule, violations: rows.map(({ violation }) => violation) });
    }
    return reports;
  });
}

const INVARIANTS: readonly (Omit<InvariantReport, 'violations'> & { readonly check: Check })[] = [
  {
    name: 'I1',
    rule: 'Entries sum to zero per ledger, currency and layer, and every currency exists.',
    check: layersSumToZero,
  },
  {
    name: 'I2',
    rule: 'An account has what its entries sum to, each entry says so, and its open holds are those of the journal.',
    check: accountsAgreeWithEntries,
  },
  {
    name: 'I3',
    rule: 'The versions of an account are 1, 2, 3 … without a gap, in the order of time.',
    check: versionsHaveNoGap,
  },
  {
    name: 'I4',
    rule: 'A key has at most one effect, and an externalId at most one posted transaction.',
    check: keysHaveOneEffect,
  },
  {
    name: 'I6',
    rule: 'No balance is outside of its limits, and a closed account is empty and stays closed.',
    check: balancesAreWithinLimits,
  },
  {
    name: 'I7',
    rule: 'Each transaction nets to zero per currency and layer, has all its entries and no other, and moves what its type may.',
    check: transactionsAreWhole,
  },
  {
    name: 'I9',
    rule:
      'Every digest, root and block hash holds, and every transaction is in one block; every audit event’s hash holds; blocks and ' +
      'audit events are numbered without a gap.',
    check: sql`(${chainHolds}) union all (${auditChainHolds})`,
  },
];
