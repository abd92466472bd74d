/** Wording that readers stumble over, with a plain replacement. */
export interface Rule {
  /** Matches the wording. A space in the source also matches a line break and the marks of a comment. */
  readonly pattern: RegExp;
  readonly instead: string;
  /** A sentence that breaks the rule. */
  readonly example: string;
}

function rule(source: string, instead: string, example: string, flags = 'gi'): Rule {
  const flexible = source.replaceAll(' ', String.raw`[ \n](?: *(?:\*|//|--|#) )?`);
  return { pattern: new RegExp(flexible, flags), instead, example };
}

/** The start of a sentence: of a line, a comment, a cell, a list item or a string, or after another sentence. */
const START = String.raw`(?:^|(?<=[.:;*/|"'\x60-] )|(?<=["'\x60]))`;
/** The rest of a sentence that is not a question. */
const SENTENCE = String.raw`(?:[^.?|\n]|\n(?!\s*\n))*\.`;

export const RULES: readonly Rule[] = [
  rule(
    String.raw`\bwhoever\b`,
    'name the subject: the caller, the client, the operator',
    'Whoever waits retries.',
  ),
  rule(
    String.raw`${START}What (?:is|was|are|were|comes?|waits?|cannot|can|came|has|had|depends|fails|lacks|follows|makes|keeps|wrote|others|one|the|an?|it|they|some)\b${SENTENCE}`,
    'begin with the subject, not with a clause',
    'What cannot be done is refused.',
    'gm',
  ),
  rule(String.raw`\btold\b`, 'notified, or: receives', 'The caller is told so.'),
  rule(String.raw`\b(?:hears?|heard)\b`, 'receives', 'The caller hears the answer.'),
  rule(String.raw`\broads?\b`, 'path', 'It takes the same road.'),
  rule(String.raw`\bordinary way\b`, 'regular path', 'It takes the ordinary way.'),
  rule(String.raw`\b(?:unseen|foreseen|foresight)\b`, 'optimistic, predicted', 'A batch is written unseen.'),
  rule(String.raw`\bscenes?\b`, 'cached account states', 'The scene is dropped.'),
  rule(String.raw`\bso forever\b`, 'always returns the same result', 'The key answers so forever.'),
  rule(String.raw`\bbeside\b`, 'next to, in addition to, with, while', 'It runs beside the other.'),
  rule(
    String.raw`\bbehind\b(?! (?:an?|the|your|its|another) (?:(?:reverse|load) )?(?:proxy|balancer|firewall)\b)`,
    'after, under, at',
    'It waits behind the lock.',
  ),
  rule(
    ',? and not [^.,;|]{1,50}[.;]',
    '"not …" first, or a sentence of its own',
    'It returns one, and not two.',
  ),
  rule(String.raw`\bneeds? (?:it|them) not\b`, 'does not need it', 'Those of ISO 4217 need it not.'),
  rule(String.raw`\bdisappoint\w*`, 'misprediction', 'Given until it is disappointed.'),
  rule(
    String.raw`\b(?:is|are|was|were|be|been|being) (?:not )?asked\b`,
    'is called, queried, requested',
    'The database is asked once.',
  ),
  rule(String.raw`\bset free\b`, 'released', 'The money is set free.'),
  rule(
    String.raw`\b(?:answers?|to|of|for|from|by) who\b(?! (?:is|are)\?)`,
    'callers that …, clients that …',
    'It answers who waits.',
  ),
  rule(
    String.raw`${START}[Ww]ho (?:waits|asks|wants|names|keeps|holds|needs)\b(?!.*\?)`,
    'callers that …',
    'Who waits is answered.',
    'gm',
  ),
  rule(String.raw`\bnobody\b`, 'no caller, no one; or say what does not happen', 'Nobody waits.'),
  rule(String.raw`\bsomebody\b`, 'another session, a caller', 'Somebody locks it.'),
  rule(String.raw`\bstands?\b(?! (?:for|in)\b|-)`, 'is, exists, is recorded', 'The outcome stands.'),
  rule(String.raw`\b(?:goes|go|going|went) on\b(?! to\b)`, 'continues', 'It goes on.'),
  rule(String.raw`\bmend(?:s|ed|ing)?\b`, 'fix, repair', 'A restart mends that.'),
  rule(String.raw`\bails?\b`, 'is wrong with', 'What ails the database shows.'),
  rule(String.raw`\bwhat became of\b`, 'the outcome of', 'It returns what became of it.'),
  rule(String.raw`\b(?:put|puts|goes|go|waits?|wait) aside\b`, 'park, is parked', 'The unit goes aside.'),
  rule(String.raw`\bwaits? in line\b`, 'is queued', 'Commands wait in line.'),
  rule(
    String.raw`\bone (?!(?:of|in|for|to|is|as|with|by|than|takes|has|on|at|or|and|from|makes|gets)\b)\w+ a (?:batch|request|transfer|query|file|command|entry|unit|account)\b`,
    'one … per …',
    'It costs one lock a batch.',
  ),
  rule(
    String.raw`\b(?:it|which|that|ledger|service|server|method|function|key|type|query|mutation|database) answers\b`,
    'returns, rejects, responds',
    'The method answers null.',
  ),
  rule(
    String.raw`${START}Only (?:then|there|here|after [^.,]{1,40}) (?:is|are|was|were|does|do|can|will|may)\b`,
    'subject first: "… only then"',
    'Only then are they settled.',
    'gim',
  ),
  rule(
    String.raw`(?<=\. )Nor (?:is|are|does|do|can|will|has)\b`,
    '"It also does not …"',
    'It waits. Nor does it retry.',
  ),
  rule(
    String.raw`\b(?:and|,|;) so (?:is|are|does|do|has|have|can|was|were) (?:the|an?|its?|each|every|all|of)\b`,
    '"… also …"',
    'The code is said once, and so is the message.',
  ),
  rule(String.raw`\b(?:any ?more|no longer(?! than))\b`, 'describe the present', 'It is no longer open.'),
  rule(
    String.raw`\b(?:hitherto|thereof|therein|thereby|herein|hereby|whence|thence)\b`,
    'plain words',
    'The end thereof.',
  ),
];

export interface Finding {
  readonly line: number;
  readonly wording: string;
  readonly instead: string;
}

/** Returns the places of a text that break a rule, in order. */
export function findRuledOut(text: string): Finding[] {
  return RULES.flatMap(({ pattern, instead }) =>
    [...text.matchAll(pattern)].map(({ index, 0: wording }) => ({
      line: text.slice(0, index + (/\S/.exec(wording)?.index ?? 0)).split('\n').length,
      wording: wording.trim().replaceAll(/\s+/g, ' '),
      instead,
    })),
  ).toSorted((a, b) => a.line - b.line);
}
