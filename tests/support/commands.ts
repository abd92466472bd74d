import { readBlocks } from './blocks.ts';
import { readPage } from './docs.ts';

/** The blocks that are neither requests nor answers, in the order of the pages: page, heading of the section, language. */
const BLOCKS = {
  picture: ['README.md', 'Transactional Ledger Service', 'mermaid'],
  start: ['README.md', 'Run it', 'sh'],
  demo: ['README.md', 'Run it', 'sh'],
  test: ['README.md', 'Run it', 'sh'],
  program: ['README.md', 'From TypeScript', 'ts'],
  programOutput: ['README.md', 'From TypeScript', 'text'],
  layers: ['docs/architecture.md', 'Layers', 'mermaid'],
  consoleLayers: ['docs/architecture.md', 'Layers of the console', 'mermaid'],
  ownPostgres: ['docs/operations.md', 'Use your own PostgreSQL', 'sh'],
  proof: ['docs/operations.md', 'Check an installation', 'sh'],
  proofOutput: ['docs/operations.md', 'Check an installation', 'text'],
  commandLine: ['docs/operations.md', 'Command line', 'sh'],
  commandLineOutput: ['docs/operations.md', 'Command line', 'text'],
  commandLineKey: ['docs/operations.md', 'Command line', 'sh'],
  logLine: ['docs/operations.md', 'Logs', 'text'],
} as const;

/** The languages of the blocks that `readCommands` reads. */
export const COMMAND_LANGUAGES: readonly string[] = ['mermaid', 'sh', 'text', 'ts'];

/** Returns the text of each block in `BLOCKS`. Throws if a page has a block more or a block fewer: each needs its test. */
export async function readCommands(): Promise<Readonly<Record<keyof typeof BLOCKS, string>>> {
  const found: { readonly place: readonly string[]; readonly code: string }[] = [];
  for (const page of new Set(Object.values(BLOCKS).map(([path]) => path))) {
    for (const { heading, language, code } of readBlocks(await readPage(page))) {
      if (COMMAND_LANGUAGES.includes(language)) found.push({ place: [page, heading, language], code });
    }
  }
  const places = JSON.stringify(found.map(({ place }) => place));
  const known = JSON.stringify(Object.values(BLOCKS));
  if (places !== known) throw new SyntaxError(`The pages have the blocks ${places}, but tests run ${known}`);
  const texts = Object.keys(BLOCKS).map((name, index) => [name, found[index]?.code]);
  return Object.fromEntries(texts) as Record<keyof typeof BLOCKS, string>;
}
