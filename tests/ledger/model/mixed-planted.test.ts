/** The bugs are in src/core, so this says nothing about another version of PostgreSQL. */
import { describe, expect, test } from 'vitest';
import { createTestDatabase } from '../../support/database.ts';
import { compareMix, randomSeed } from './mixed-compare.ts';
import type { Program } from './model-program.ts';
import { type PlantedBug, withPlanted } from './planted.ts';

const PLANTED: readonly PlantedBug[] = [
  {
    bug: 'an ATOMIC batch that keeps its operations although one was rejected',
    text: 'ids.push(recordCulprit(',
    instead: 'draft.settle(); ids.push(recordCulprit(',
  },
  {
    bug: 'an ATOMIC batch that does not record its refusal',
    text: 'if (!isRecorded(refusal) || refusal.replayed) return null;',
    instead: 'if (refusal.code.length > 0) return null;',
  },
  {
    bug: 'an INDEPENDENT batch that posts its operations in reverse order',
    text: 'return commands.map((command) => decideOne(book, command));',
    instead: 'return commands.toReversed().map((command) => decideOne(book, command)).toReversed();',
  },
  {
    bug: 'a replay that is not marked as one',
    text: 'replayed: !command.madeIds.has(recorded.id)',
    instead: 'replayed: false',
  },
];

/** Compares the answers to random requests, of further seeds until there is a difference. Throws the difference. */
async function compareUntilFound(program: Program): Promise<void> {
  const seed = randomSeed();
  for (let more = 0; more < 6; more += 1) {
    const database = await createTestDatabase();
    try {
      await compareMix(program, database, { seed: seed + more, waves: 1 });
    } finally {
      await database.drop();
    }
  }
}

describe('the journal shows', () => {
  test.each(PLANTED)('$bug', { timeout: 60_000 }, (bug) =>
    withPlanted(bug, (program) =>
      expect(compareUntilFound(program)).rejects.toThrow(/was answered|is recorded|is .*, not/),
    ),
  );
});
