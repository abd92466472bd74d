/** A fenced block of a page in Markdown. */
export interface Block {
  readonly language: string;
  readonly code: string;
  /** Of the section that it stands in. */
  readonly heading: string;
}

/** What would show as code and is no fenced block: nobody would read it, so nobody would run it. */
const OTHER_CODE = /```|~~~|<pre|^( {4}|\t)/;

/** Every block of a page, in order. Throws where code stands there in any other form. */
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
      throw new SyntaxError(`${heading}, line ${at + 1}: no block of a known language that ends: ${line}`);
    }
    blocks.push({ language, code: `${lines.slice(at + 1, end).join('\n')}\n`, heading });
    at = end;
  }
  return blocks;
}
