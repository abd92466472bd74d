import { createHash } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { ExecutionResult } from 'graphql';
import pg from 'pg';
import { ANYBODY, type Viewer } from '../../src/core/access/viewer.ts';
import { writeAnswer } from '../../src/graphql/execution/answer.ts';
import { RequestNotes } from '../../src/graphql/execution/request-notes.ts';
import { createGraphQLHandler } from '../../src/graphql/execution/yoga.ts';
import { AnswerBudget } from '../../src/graphql/protection/answer-budget.ts';
import { Engine } from '../../src/ledger/engine.ts';
import type { Ledger } from '../../src/ledger/ledger.ts';
import { FastPath, type PlainRequest } from '../../src/server/http/fast-path.ts';
import type { TrustedDocuments } from '../../src/server/http/trusted-documents.ts';
import { makeCallers } from './callers.ts';
import type { Request } from './documents.ts';
import { Normalizer } from './normalizer.ts';

/** A database, by the URLs of the service's login and of a superuser. */
export interface Books {
  readonly serviceUrl: string;
  readonly ownerUrl: string;
}

export interface SideOptions {
  /** Executions of an operation before it is compiled; Infinity: it is never compiled. */
  readonly compileAfter: number;
  /** Executes only these documents, whose ids are their SHA-256. */
  readonly trustedDocuments?: TrustedDocuments | undefined;
  /** The only caller. Default: several callers without an owner, in turn. */
  readonly viewer?: Viewer | undefined;
}

/** One of the two ways to execute operations, on a database of its own. */
export class Side {
  /** The number of requests that graphql-js executed. */
  executed = 0;
  readonly faults: unknown[] = [];
  readonly #ledger: Ledger;
  /** The callers, in turn. */
  readonly #callers: readonly Viewer[];
  readonly #owner: pg.Client;
  readonly #since: Date;
  readonly normalizer: Normalizer;
  readonly #path: FastPath;
  /** The last rows that were compared. */
  #seen: Readonly<Record<'transaction' | 'account', string>> = { transaction: NO_UUID, account: NO_UUID };

  readonly #isTrusted: boolean;
  #sent = 0;

  private constructor(
    ledger: Ledger,
    callers: readonly Viewer[],
    owner: pg.Client,
    since: Date,
    options: SideOptions,
  ) {
    this.#ledger = ledger;
    this.#callers = callers;
    this.#owner = owner;
    this.#since = since;
    this.normalizer = new Normalizer(since);
    const onFault = (fault: unknown) => {
      this.faults.push(fault);
      return 'request';
    };
    const yoga = createGraphQLHandler(onFault);
    const execute: typeof yoga.getEnveloped = Object.assign((context: never) => {
      this.executed += 1;
      return yoga.getEnveloped(context);
    }, yoga.getEnveloped);
    this.#path = new FastPath({ getEnveloped: execute }, { onFault, ...options });
    this.#isTrusted = options.trustedDocuments !== undefined;
  }

  /** Opens a side. Ids and instants before `since` are equal on both. */
  static async open({ serviceUrl, ownerUrl }: Books, since: Date, options: SideOptions): Promise<Side> {
    const ledger = await Engine.openMain({ allowUnsafeDurability: true, databaseUrl: serviceUrl });
    const owner = new pg.Client({ connectionString: ownerUrl });
    await owner.connect();
    const { viewer } = options;
    const callers = viewer ? [viewer] : [ANYBODY, ...(await makeCallers(ledger.engine, ['alice', 'bob']))];
    return new Side(ledger, callers, owner, since, options);
  }

  /** Executes a request, and returns its answer without values that differ between ledgers. */
  async send({ query, operationName, variables }: Request): Promise<string> {
    this.#sent += 1;
    const facts = {
      ledger: this.#ledger,
      viewer: this.#callers[this.#sent % this.#callers.length] ?? ANYBODY,
      bodyBytes: query.length,
      notes: new RequestNotes(),
      budget: new AnswerBudget(),
    };
    const answer = this.#path.answer({ ...this.#naming(query), operationName, variables }, facts);
    const result = await Promise.race([answer, sleep(PATIENCE_MS, undefined, { ref: false })]);
    return result === undefined ? 'no answer' : this.normalizer.normalize(textOf(result));
  }

  /** Names a document by each of the possible members in turn. */
  #naming(query: string): Pick<PlainRequest, 'query' | 'documentId' | 'extensions'> {
    if (!this.#isTrusted) return { query };
    const hash = createHash('sha256').update(query).digest('hex');
    const way = Math.floor(this.#sent / this.#callers.length) % 3;
    if (way === 0) return { query };
    return way === 1
      ? { documentId: `sha256:${hash}` }
      : { extensions: { persistedQuery: { version: 1, sha256Hash: hash } } };
  }

  /** Returns the rows recorded since the last call, one per line. */
  async recorded(): Promise<readonly string[]> {
    const { transaction, account } = this.#seen;
    const { rows } = await this.#owner.query<{ kind: string; id: string; row: string }>(RECORDED, [
      transaction,
      account,
      this.#since,
    ]);
    const last = (kind: string, before: string) => rows.findLast((row) => row.kind === kind)?.id ?? before;
    this.#seen = { transaction: last('transaction', transaction), account: last('account', account) };
    return rows.map(({ kind, row }) => `${kind} ${this.normalizer.normalize(row)}`);
  }

  async close(): Promise<void> {
    await Promise.all([this.#ledger.close(), this.#owner.end()]);
  }
}

function textOf(result: ExecutionResult): string {
  return writeAnswer(result, 'application/graphql-response+json').body;
}

const PATIENCE_MS = 20_000;
const NO_UUID = '00000000-0000-0000-0000-000000000000';
/** Digests cover ids, so they are left out. The digest of a request is kept unless its ids were created during the run. */
const RECORDED = `
  select 'transaction' as kind, id::text,
    (to_jsonb(t) - '{salt,digest,description_digest,metadata_digest,created_at,request}'::text[]
      || jsonb_build_object('request', case when hold_id is null and reverses is null then encode(request, 'hex') end))::text as row
  from transactions t where id > $1
  union all
  select 'entry', transaction_id::text, (to_jsonb(e) - '{created_at,description_digest}'::text[])::text
  from entries e where transaction_id > $1
  union all
  select 'account', id::text, (to_jsonb(a) - '{created_at,last_at}'::text[])::text
  from accounts a where id > $2 or created_at < $3
  union all
  select 'currency', code, (to_jsonb(c) - '{created_at}'::text[])::text from currencies c
  union all
  select 'ledger', id::text, (to_jsonb(l) - '{created_at,head}'::text[])::text from ledgers l
  order by 1, 2, 3`;
