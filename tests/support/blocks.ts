/** A fenced block of a page in Markdown. */
export interface Block {
  readonly language: string;
  readonly code: string;
  /** The heading of its section. */
  readonly heading: string;
}

/** Code in any other form than a fenced block. The tests would not run it. */
const OTHER_CODE = /```|~~~|<pre|^( {4}|\t)/;

/** Returns all blocks of a page, in order. Throws if the page has code in any other form. */
export function readBlocks(page: string): Block[] {
  const blocks: Block[] = [];
  const lines = page.split('\n');
  let heading = '';
  for (let at = 0; at < lines.length; at += 1) {
    const line = lines[at] ?? '';
    if (line.startsWith('#')) heading = line.replace(/^#+ /, '');
    if (!OTHER_CODE.test(line)) continue;
    const language = /^```(\w+)$/.exec(line)?.[1];
    const end = lines.indexOf('```', at + 1);
    if (language === undefined || end < 0) {
      throw new SyntaxError(`${heading}, line ${at + 1}: expected a closed block with a language: ${line}`);
    }
    blocks.push({ language, code: `${lines.slice(at + 1, end).join('\n')}\n`, heading });
    at = end;
  }
  return blocks;
}
