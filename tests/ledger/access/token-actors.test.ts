import { randomUUID } from 'node:crypto';
import { afterAll, describe, expect, it, onTestFinished } from 'vitest';
import { actorId } from '../../../src/core/access/actor.ts';
import { UnavailableError } from '../../../src/ledger/ledger.ts';
import { openEngine } from '../../support/access.ts';
import { asOwner, createTestDatabase } from '../../support/database.ts';
import { expectSoundBooks } from '../../support/ledger.ts';
import { statementsDuring } from '../../support/statements.ts';
import { startTcpProxy } from '../../support/tcp-proxy.ts';

const database = await createTestDatabase();
await asOwner(database, `alter database ${database.name} set log_statement = 'all'`);
const { access } = await openEngine(database);
const { access: other } = await openEngine(database);
afterAll(() => expectSoundBooks(database));

const ISSUER = 'https://issuer.example';
const rowOf = (subject: string) =>
  asOwner(database, `select id, kind, issuer, name from actors where subject = '${subject}'`);

/** Returns how many statements insert actors while `run` runs. */
async function inserts(run: () => Promise<unknown>): Promise<number> {
  const statements = await statementsDuring(database, run);
  return statements.filter((text) => text.includes('insert into actors')).length;
}

describe('the actor of a token', () => {
  it('is its issuer and its subject', async () => {
    const subject = randomUUID();
    await access.recordTokenActor(ISSUER, subject);
    expect(await rowOf(subject)).toEqual([
      { id: actorId('TOKEN', ISSUER, subject), kind: 'TOKEN', issuer: ISSUER, name: subject },
    ]);
    await access.recordTokenActor('https://other.example', subject);
    expect(await rowOf(subject)).toHaveLength(2);
  });

  it('is written once by a process, by concurrent calls together', async () => {
    const subject = randomUUID();
    const record = () => access.recordTokenActor(ISSUER, subject);
    expect(await inserts(() => Promise.all(Array.from({ length: 20 }, record)))).toBe(1);
    expect(await inserts(record)).toBe(0);
    expect(await inserts(() => other.recordTokenActor(ISSUER, subject))).toBe(1);
    expect(await rowOf(subject)).toHaveLength(1);
  });

  it('is written once where two services write it at the same time', async () => {
    const subjects = Array.from({ length: 20 }, () => randomUUID());
    await Promise.all(
      subjects.flatMap((subject) => [access, other].map((each) => each.recordTokenActor(ISSUER, subject))),
    );
    for (const subject of subjects) expect(await rowOf(subject)).toHaveLength(1);
  });

  it('is not recorded while the database cannot be reached, and is written after that', async () => {
    const proxy = await startTcpProxy(database.serviceUrl);
    onTestFinished(() => proxy.close());
    const { access: far } = await openEngine(database, { databaseUrl: proxy.url });
    const subject = randomUUID();
    proxy.refuse();
    await expect(far.recordTokenActor(ISSUER, subject)).rejects.toBeInstanceOf(UnavailableError);
    expect(await rowOf(subject)).toEqual([]);
    proxy.admit();
    await far.recordTokenActor(ISSUER, subject);
    expect(await rowOf(subject)).toHaveLength(1);
  });

  it('rejects a subject that the database cannot store, each time', async () => {
    for (const subject of ['', 'é'.repeat(128), 'a\0b']) {
      for (let time = 0; time < 2; time += 1) {
        await expect(access.recordTokenActor(ISSUER, subject)).rejects.toThrow(/actors_|0x00/);
      }
    }
  });
});
