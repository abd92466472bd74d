import { actorId } from '../../src/core/access/actor.ts';
import { ANYBODY, type Viewer } from '../../src/core/access/viewer.ts';
import type { LedgerEngine } from '../../src/ledger/ledger.ts';

const ISSUER = 'https://issuer.example';

/** Returns callers with all rights: the subjects of tokens. Their actors are recorded. */
export function makeCallers(engine: LedgerEngine, subjects: readonly string[]): Promise<Viewer[]> {
  return Promise.all(
    subjects.map(async (name) => {
      await engine.access.recordTokenActor(ISSUER, name);
      return { ...ANYBODY, actor: { id: actorId('TOKEN', ISSUER, name), kind: 'TOKEN', name } };
    }),
  );
}
