import pg from 'pg';
import type { Uuid } from '../../../src/core/values/ids.ts';
import type { Ledger } from '../../../src/ledger/ledger.ts';
import type { TestDatabase } from '../../support/database.ts';
import { decideAtomic, isAgain } from './atomic-model.ts';
import { explainByJournal, type Row } from './mixed-check.ts';
import { ACCOUNTS, Requests } from './mixed-requests.ts';
import { type Answered, type Mix, send, sendWaves, textsOf } from './mixed-run.ts';
import { compareBooks, Names, type Program } from './model-program.ts';
import { nameOf, textOf } from './reference-model.ts';

export const randomSeed = (): number => Number(process.env['SEED'] ?? Date.now() % 1_000_000_000);

/** Sends random requests. Throws if the journal or the model has another answer or another state of the books. */
export async function compareMix(
  { Engine, ...program }: Program,
  { serviceUrl, ownerUrl }: TestDatabase,
  { seed, waves }: { readonly seed: number; readonly waves: number },
) {
  const open = () => Engine.openMain({ databaseUrl: serviceUrl, allowUnsafeDurability: true });
  const [ledger, elsewhere] = [await open(), await open()];
  const reader = new pg.Pool({ connectionString: ownerUrl, max: 1 });
  try {
    const service = { ...program, ledger, reader };
    const names = await Names.make(service, ACCOUNTS);
    const mix = { ledgers: [ledger, elsewhere], program, names };
    const answers = await sendWaves(mix, new Requests(seed), waves);
    const rows = await readJournal(reader, names);
    const explained = explainByJournal(answers, rows);
    await compareBooks(service, names, explained.model);
    await expectSameAgain(mix, answers, explained);
    await compareBooks(service, names, explained.model);
    return { answers, rows, sharedBlocks: explained.sharedBlocks };
  } finally {
    await Promise.all([ledger.close(), elsewhere.close()]);
    await reader.end();
  }
}

async function readJournal(reader: pg.Pool, names: Names): Promise<Row[]> {
  const { rows } = await reader.query<Omit<Row, 'name'> & { accountId: Uuid }>(
    `select b.number::text as block, t.account_id as "accountId", substr(t.idempotency_key, $1) as key, t.outcome
     from blocks b join transactions t on t.id between b.first_id and b.last_id
     order by b.number, t.id`,
    [names.run.length + 1],
  );
  return rows.map(({ accountId, ...row }) => ({ ...row, name: nameOf(names.nameOf(accountId), row.key) }));
}

/** Sends every key and every posted ATOMIC batch to both ledgers again. */
async function expectSameAgain(
  mix: Mix,
  answers: readonly Answered[],
  { kept, model }: ReturnType<typeof explainByJournal>,
): Promise<void> {
  const sendings = [
    ...kept.map(({ request, text, isCulprit }) => {
      // The operation that aborted a batch may refer to one that was discarded with the batch.
      const expected = isCulprit ? model.refusalOf(request, 0n) : `${text} again`;
      return { kind: 'SINGLE' as const, requests: [request], expected: [expected] };
    }),
    ...answers
      .filter(({ kind, index }) => kind === 'ATOMIC' && index === undefined)
      .map(({ kind, requests }) => ({ kind, requests, expected: decideAtomic(model, requests, 0n).texts })),
  ];
  const singles = sendings.filter(({ kind }) => kind === 'SINGLE');
  const batches = sendings.filter(({ kind }) => kind !== 'SINGLE');
  const sendAgain = async (ledger: Ledger, { expected, ...sending }: (typeof sendings)[number]) => {
    const { texts } = textsOf(await send(mix, ledger, sending), mix.names);
    if (textOf(texts) !== textOf(expected)) throw new Error(`${texts}\n  was answered, not ${expected}`);
    for (const text of texts)
      if (sending.kind === 'ATOMIC' && !isAgain(text)) throw new Error(`new: ${text}`);
  };
  await Promise.all(
    mix.ledgers.map(async (ledger) => {
      await Promise.all(singles.map((sending) => sendAgain(ledger, sending)));
      for (const sending of batches) await sendAgain(ledger, sending);
    }),
  );
}
