import { expect } from 'vitest';
import { readBlocks } from './blocks.ts';

/** What the reader of a page pastes, and the answer that the page shows for it. */
interface Step {
  readonly query: string;
  readonly answer: unknown;
}

/**
 * The requests and answers of a page in Markdown, in order. An answer without a request repeats the last. Throws where the
 * page has a block of another language, but for those that other tests run.
 */
export function readWalk(page: string, otherLanguages: readonly string[] = []): Step[] {
  const steps: Step[] = [];
  let query = '';
  let answered = true;
  for (const { language, code, heading } of readBlocks(page)) {
    if (otherLanguages.includes(language)) continue;
    if (language === 'graphql') {
      if (!answered) throw new SyntaxError(`The page has no answer to ${query}`);
      query = code;
    } else if (language === 'json') steps.push({ query, answer: JSON.parse(code) });
    else throw new SyntaxError(`${heading}: nobody runs blocks of ${language}`);
    answered = language === 'json';
  }
  if (!answered) throw new SyntaxError(`The page has no answer to ${query}`);
  return steps;
}

/** Sends each request and fails where the answer is not the page's. */
export async function expectAnswers(graphqlUrl: string, steps: readonly Step[]): Promise<void> {
  for (const { query, answer } of steps) {
    const response = await fetch(graphqlUrl, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ query }),
    });
    expect(await response.json(), query).toEqual(answer);
  }
}
