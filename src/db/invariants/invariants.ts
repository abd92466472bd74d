/**
 * Checks the invariants: conditions that the data of every ledger meets at every moment. Each invariant is one query, which returns
 * a sentence per violation. The queries need only SELECT, so the service's login can run them.
 *
 * The triggers prevent most violations. Only this check finds: a false sum between the first and the last entry of an account in one
 * block (I2), an edited hold (I2), a limit that is broken inside a block but met at its end (I6), a transaction that is reversed
 * twice (I7), a false digest or root (I9), an actor that does not exist (I10), a change without an audit event (I11). The other
 * violations need the tables' owner, a restore, or a damaged disk. I5 (acknowledged outcomes are found again) and I8 (nothing leaks)
 * cannot be checked in the tables.
 */
import { sql } from 'kysely';
import type { Database } from '../postgres/database.ts';
import { accountsAgreeWithEntries, layersSumToZero, versionsHaveNoGap } from './account-invariants.ts';
import { actorsAreReal } from './actor-invariant.ts';
import { auditChainHolds } from './audit-invariant.ts';
import { type Check, chainHolds } from './chain-invariant.ts';
import { accountsAreAsCreated } from './creation-invariant.ts';
import { keysHaveOneEffect } from './key-invariant.ts';
import { balancesAreWithinLimits } from './limit-invariant.ts';
import { logLeadsToTables } from './replay-invariant.ts';
import { transactionsAreWhole } from './transaction-invariant.ts';

export interface InvariantReport {
  readonly name: 'I1' | 'I2' | 'I3' | 'I4' | 'I6' | 'I7' | 'I9' | 'I10' | 'I11';
  /** The invariant, in one sentence. */
  readonly rule: string;
  /** The first 20 violations, each a sentence that names its rows; empty if the invariant holds. */
  readonly violations: readonly string[];
}

/**
 * Checks all ledgers of the database in one snapshot, without locks. It reads every table whole: a million entries take about 20
 * seconds and a gigabyte of temporary space. The database's `statementDeadlineMs` must allow for that.
 */
export function checkInvariants(db: Database): Promise<InvariantReport[]> {
  const snapshot = db.transaction().setIsolationLevel('repeatable read').setAccessMode('read only');
  return snapshot.execute(async (trx) => {
    // Tables are read whole and joined by all columns of a key. Hash joins are right for that, whatever the statistics are: a merge
    // join could use ledger_id alone, which all rows may share.
    await sql`
      select set_config('statement_timeout', '0', true), set_config('work_mem', '64MB', true),
        set_config('enable_nestloop', 'off', true), set_config('enable_mergejoin', 'off', true),
        set_config('jit', 'off', true)`.execute(trx);
    const reports: InvariantReport[] = [];
    for (const { name, rule, check } of INVARIANTS) {
      const { rows } = await sql<{ violation: string }>`
        select violation from (${check}) as violations limit 20`.execute(trx);
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
    rule: 'The sums of an account are those of its entries, at each entry, and holds agree with the journal.',
    check: accountsAgreeWithEntries,
  },
  {
    name: 'I3',
    rule: 'The versions of an account are 1, 2, 3 … without a gap, in the order of createdAt.',
    check: versionsHaveNoGap,
  },
  {
    name: 'I4',
    rule: 'A key has at most one effect, and an externalId at most one posted transaction.',
    check: keysHaveOneEffect,
  },
  {
    name: 'I6',
    rule: 'No balance is outside its limits, and a closed account is empty and stays closed.',
    check: balancesAreWithinLimits,
  },
  {
    name: 'I7',
    rule: 'Each transaction nets to zero per currency and layer, has exactly its entries, and follows the rules of its type.',
    check: transactionsAreWhole,
  },
  {
    name: 'I9',
    rule:
      'Every digest, root and hash of a block or audit event is correct, every transaction is in one block, and blocks and ' +
      'audit events are numbered without a gap.',
    check: sql`(${chainHolds}) union all (${auditChainHolds})`,
  },
  {
    name: 'I10',
    rule: 'Every actor that the books name exists, and is the caller that its id is the digest of.',
    check: actorsAreReal,
  },
  {
    name: 'I11',
    rule:
      'The audit log leads to the limits, status, externalIds and metadata of the accounts, the exponents of the currencies, the ' +
      'names and periods of the ledgers, and the API keys.',
    check: sql`(${logLeadsToTables}) union all (${accountsAreAsCreated})`,
  },
];
