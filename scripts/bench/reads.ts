/**
 * What readers get of the service while it writes: an account by its id, and the first page of its history, over HTTP. The
 * writes come from the load process, the reads from this one, which has nothing else to do meanwhile.
 */
import { formatId, type Uuid } from '../../src/core/values/ids.ts';
import type { EmbeddedPostgres } from '../../src/db/embedded/embedded-postgres.ts';
import { checkBooks } from './books.ts';
import { closedLoop } from './callers.ts';
import { Connection } from './connection.ts';
import { withDatabases, withName } from './databases.ts';
import { openHttp } from './http.ts';
import { postBatch } from './mutations.ts';
import { type Figures, latencies } from './report.ts';
import type { Acknowledged, Timing } from './stage.ts';
import { watchProcess } from './usage.ts';
import { type Pair, spreadOf } from './workload.ts';

const READ_CONNECTIONS = 64;
const WRITE_CONNECTIONS = 16;
const PAGE = 20;
const BATCH = 10_000;
const DATABASE = 'bench_reads';

export interface ReadsOptions {
  readonly server: Pick<EmbeddedPostgres, 'ownerUrl' | 'serviceUrl'>;
  /** The database that is cloned, and all its accounts. */
  readonly template: string;
  readonly accounts: readonly Uuid[];
  readonly figures: Figures;
  readonly rounds: number;
  readonly timing: Timing;
}

/** A question about an account, and whether its answer is right. */
interface Question {
  readonly name: string;
  readonly query: string;
  isRight(answer: Answer, accountId: string): boolean;
}
interface Answer {
  readonly id: string;
  readonly version: string;
  readonly balance?: { readonly amount: string };
  readonly available?: { readonly amount: string } | null;
  readonly history?: { readonly nodes: readonly { readonly version: string }[] };
}

const QUESTIONS: readonly Question[] = [
  {
    name: 'account by id',
    query: `query Account($input: ID!) { account(id: $input) {
      id version balance { amount } available { amount } } }`,
    isRight: ({ id, version, balance, available }, accountId) =>
      id === accountId && Number(version) >= PAGE && balance !== undefined && available === null,
  },
  {
    name: `history of ${PAGE}`,
    query: `query History($input: ID!) { account(id: $input) {
      id version
      history(first: ${PAGE}) {
        nodes { id version side amount { amount } balanceAfter { amount } createdAt transaction { id } }
        pageInfo { hasNextPage endCursor }
      } } }`,
    isRight: ({ id, history }, accountId) => {
      // The newest first, without a gap.
      const versions = (history?.nodes ?? []).map(({ version }) => Number(version));
      const [newest = 0] = versions;
      return (
        id === accountId &&
        versions.length === PAGE &&
        versions.every((version, place) => version === newest - place)
      );
    },
  },
];

/** Measures on a database of its own, whose books it checks in the end; answers what it found there. */
export async function measureReads(options: ReadsOptions): Promise<string> {
  const { server, template, accounts, figures, rounds, timing } = options;
  const ids = accounts.slice(0, spreadOf('uniform', accounts.length)).map((id) => formatId('account', id));
  return withDatabases(server.ownerUrl, [{ name: DATABASE, template }], async () => {
    const acknowledged: Acknowledged[] = [];
    const http = await openHttp({ databaseUrl: withName(server.serviceUrl, DATABASE), accounts });
    const connections = Array.from({ length: READ_CONNECTIONS }, () => new Connection(http.graphqlUrl));
    try {
      await Promise.all(connections.map((connection) => connection.open()));
      acknowledged.push(...(await fillHistories(connections, ids)));
      const write = async () => {
        const result = await http.closed('uniform', WRITE_CONNECTIONS, timing);
        acknowledged.push(...result.acknowledged);
        return result;
      };
      for (let round = 1; round <= rounds; round += 1) {
        console.log(`\nreads, round ${round} of ${rounds}`);
        const alone = await write();
        figures.addMeasured('writes without reads', alone.measured);
        for (const question of QUESTIONS) {
          const [writes, reads, own] = await Promise.all([
            write(),
            readInTurn(connections, ids, question, timing),
            watchProcess(process.pid, timing),
          ]);
          figures.add(
            { name: `reads, ${question.name}`, unit: 'reads/s', value: reads.perSecond },
            `${latencies(reads)}; CPU: service ${percent(writes.service.cpu)}, readers ${percent(own.cpu)}`,
          );
          figures.addLatencies(`reads, ${question.name}`, reads);
          figures.addMeasured(`writes beside reads, ${question.name}`, writes.measured);
        }
      }
    } finally {
      await Promise.all(connections.map((connection) => connection.close()));
      await http.close();
    }
    return `reads: ${await checkBooks(withName(server.ownerUrl, DATABASE), acknowledged)}`;
  });
}

/** Every account pays the next one until each has a whole page of entries: two a transfer's round. */
async function fillHistories(
  connections: readonly Connection[],
  ids: readonly string[],
): Promise<Acknowledged[]> {
  const [connection] = connections;
  if (connection === undefined) throw new RangeError('a connection at least');
  console.log(`reads: each of ${ids.length} accounts gets ${PAGE} entries`);
  const pairs = ids.map((from, place): Pair => ({ from, to: ids[(place + 1) % ids.length] ?? from }));
  const acknowledged: Acknowledged[] = [];
  for (let round = 1; round <= PAGE / 2; round += 1) {
    for (let place = 0; place < pairs.length; place += BATCH) {
      acknowledged.push(...(await postBatch(connection, pairs.slice(place, place + BATCH))));
    }
  }
  return acknowledged;
}

/** Each connection asks about one account after another, at random. */
async function readInTurn(
  connections: readonly Connection[],
  ids: readonly string[],
  { query, isRight }: Question,
  timing: Timing,
) {
  const read = async (caller: number): Promise<Acknowledged> => {
    const id = ids[Math.floor(Math.random() * ids.length)];
    const answer = await connections[caller]?.ask<Answer>('account', query, id);
    if (id === undefined || answer === undefined || !isRight(answer, id)) {
      throw new Error(`the account ${id} was answered ${JSON.stringify(answer)}`);
    }
    return NOTHING;
  };
  return (await closedLoop(read, { callers: connections.length, ...timing })).measured;
}

/** What a read leaves in the books. */
const NOTHING: Acknowledged = { key: '', id: '' };

function percent(cpu: number | null): string {
  return cpu === null ? 'unknown' : `${cpu.toFixed(0)} %`;
}
