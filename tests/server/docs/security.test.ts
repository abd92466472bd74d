import { readFile } from 'node:fs/promises';
import { expect, test } from 'vitest';
import { rightsInMarkdown } from '../../../src/graphql/rights/table.ts';

test('docs/security.md has the table of rights', async () => {
  expect(await readFile('docs/security.md', 'utf8')).toContain(`\n\n${rightsInMarkdown()}\n`);
});
