import { readBlocks } from './blocks.ts';
import { readPage } from './docs.ts';

/** The README's blocks other than requests and responses, in order: the section of each, and its language. */
const BLOCKS = {
  start: ['Run it', 'sh'],
  test: ['Run it', 'sh'],
  proof: ['The founding proof', 'sh'],
  proofOutput: ['The founding proof', 'text'],
  ownPostgres: ['On your own PostgreSQL', 'sh'],
  logLine: ['Running it', 'text'],
  layers: ['How it is built', 'text'],
} as const;

/** The languages of the blocks that `readCommands` reads. */
export const COMMAND_LANGUAGES: readonly string[] = ['sh', 'text'];

/** Returns the text of each of these blocks. Throws if the README has other blocks: each must have its test. */
export async function readCommands(): Promise<Readonly<Record<keyof typeof BLOCKS, string>>> {
  const blocks = readBlocks(await readPage('README.md')).filter(({ language }) =>
    COMMAND_LANGUAGES.includes(language),
  );
  const found = JSON.stringify(blocks.map(({ heading, language }) => [heading, language]));
  const known = JSON.stringify(Object.values(BLOCKS));
  if (found !== known) throw new SyntaxError(`The README has the blocks ${found}, but tests run ${known}`);
  const texts = Object.keys(BLOCKS).map((name, place) => [name, blocks[place]?.code]);
  return Object.fromEntries(texts) as Record<keyof typeof BLOCKS, string>;
}
