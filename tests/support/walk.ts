import { expect } from 'vitest';
import { readBlocks } from './blocks.ts';

/** A request of a page, and the response that the page shows. */
interface Step {
  readonly query: string;
  readonly answer: unknown;
}

/**
 * Returns the requests and responses of a Markdown page in order. A response without a request repeats the last request.
 * Throws if the page has a block of another language, unless other tests run that language.
 */
export function readWalk(page: string, otherLanguages: readonly string[] = []): Step[] {
  const steps: Step[] = [];
  let query = '';
  let answered = true;
  for (const { language, code, heading } of readBlocks(page)) {
    if (otherLanguages.includes(language)) continue;
    if (language === 'graphql') {
      if (!answered) throw new SyntaxError(`The page has no response to ${query}`);
      query = code;
    } else if (language === 'json') steps.push({ query, answer: JSON.parse(code) });
    else throw new SyntaxError(`${heading}: no test runs blocks of ${language}`);
    answered = language === 'json';
  }
  if (!answered) throw new SyntaxError(`The page has no response to ${query}`);
  return steps;
}

/** Sends each request, and fails if the response differs from the page. Requests the cost if the page shows it. */
export async function expectAnswers(graphqlUrl: string, steps: readonly Step[]): Promise<void> {
  for (const { query, answer } of steps) {
    const response = await fetch(graphqlUrl, {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...(showsCost(answer) ? { 'x-ledger-cost': '1' } : {}) },
      body: JSON.stringify({ query }),
    });
    expect(await response.json(), query).toEqual(answer);
  }
}

function showsCost(answer: unknown): boolean {
  return typeof answer === 'object' && answer !== null && 'extensions' in answer;
}
