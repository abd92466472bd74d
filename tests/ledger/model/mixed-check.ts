/**
 * Checks that the journal explains every answer. Its outcomes, replayed through the reference model in order, must give the same
 * answers, and each answer that recorded nothing must fit between two of them.
 */
import { type AtomicDecided, decideAtomic, isAgain } from './atomic-model.ts';
import { ACCOUNTS } from './mixed-requests.ts';
import type { Answered } from './mixed-run.ts';
import { KEPT, type Posting, ReferenceModel, textOf } from './reference-model.ts';

/** A recorded outcome, in the order of the journal. */
export interface Row {
  readonly block: string;
  /** The model's name, if it is a transaction. */
  readonly name: string;
  readonly key: string;
  readonly outcome: string;
}

/** An operation of a single command or an INDEPENDENT batch, or an ATOMIC batch as a whole. */
interface Step {
  readonly answered: Answered;
  /** undefined: the whole batch. */
  readonly place: number | undefined;
}
interface Owned extends Row {
  readonly step: Step;
}
/** A step that recorded nothing. It was decided when the journal had at least `after` and at most `before` rows. */
interface Unrecorded {
  readonly step: Step;
  readonly after: number;
  readonly before: number;
}

export interface Explained {
  /** The model after all rows. */
  readonly model: ReferenceModel;
  /** Blocks with outcomes of more than one kind of sending. */
  readonly sharedBlocks: number;
  /** The requests and answers that used a key. */
  readonly kept: readonly { readonly request: Posting; readonly text: string; readonly isCulprit: boolean }[];
}

/** Throws if an answer or a row has no explanation. */
export function explainByJournal(answers: readonly Answered[], rows: readonly Row[]): Explained {
  const owned = findOwners(answers, rows);
  checkOrder(owned);
  const unrecorded = findUnrecorded(answers, owned);
  let model = new ReferenceModel(ACCOUNTS);
  let first = 0;
  for (let wave = 0; first < owned.length; wave += 1) {
    let end = first;
    while (owned[end]?.step.answered.wave === wave) end += 1;
    const some = unrecorded.filter(({ step }) => step.answered.wave === wave);
    model = replayWave(model, owned, { first, end }, some);
    if (owned.slice(end).some(({ step }) => step.answered.wave <= wave))
      throw new Error(`an outcome of wave ${wave} is after those of the next wave`);
    first = end;
  }
  return { model, sharedBlocks: countShared(owned), kept: keptOf(answers) };
}

/** Each row belongs to one step, and each recorded answer has a row. */
function findOwners(answers: readonly Answered[], rows: readonly Row[]): Owned[] {
  const byKey = new Map(rows.map((row) => [row.key, row]));
  if (byKey.size < rows.length) throw new Error('a key is recorded twice');
  const stepOf = new Map<Row, Step>();
  for (const answered of answers) {
    for (const [place, request] of answered.requests.entries()) {
      const text = textAt(answered, place);
      if (text === undefined || isAgain(text) || !KEPT.test(text)) continue;
      const row = byKey.get(keyOf(request));
      if (row?.outcome !== codeOf(text))
        throw new Error(`${textOf(request)}\n  was answered ${text}, is recorded ${row?.outcome}`);
      if (stepOf.has(row)) throw new Error(`${row.key} was answered twice without being a replay`);
      stepOf.set(row, { answered, place: answered.kind === 'ATOMIC' ? undefined : place });
    }
  }
  return rows.map((row) => {
    const step = stepOf.get(row);
    if (step === undefined)
      throw new Error(`${row.key} is recorded ${row.outcome}, but was not answered like that`);
    return { ...row, step };
  });
}

/** The outcomes of a client and of an INDEPENDENT batch are in order; those of an ATOMIC batch are adjacent. */
function checkOrder(owned: readonly Owned[]): void {
  const last = new Map<string, { readonly answered: Answered; readonly place: number }>();
  const seen = new Set<Answered>();
  for (const [at, { step, block, key }] of owned.entries()) {
    const { answered } = step;
    const before = owned[at - 1];
    const isNext = before?.step.answered === answered && before.block === block;
    if (answered.kind === 'ATOMIC' && seen.has(answered) && !isNext)
      throw new Error(`${key} is apart from the outcomes of its ATOMIC batch`);
    seen.add(answered);
    const place = step.place ?? answered.requests.findIndex((request) => keyOf(request) === key);
    const client = `${answered.wave} ${answered.client}`;
    const earlier = last.get(client);
    if (earlier?.answered === answered && earlier.place > place)
      throw new Error(`${key} is recorded after a later operation of its batch`);
    if (earlier !== undefined && earlier.answered.turn > answered.turn)
      throw new Error(`${key} is recorded after an outcome that its client requested later`);
    last.set(client, { answered, place });
  }
}

function findUnrecorded(answers: readonly Answered[], owned: readonly Owned[]): Unrecorded[] {
  const rowsOf = Map.groupBy(owned.entries(), ([, { step }]) => step.answered);
  return answers.flatMap((answered) => {
    const rows = rowsOf.get(answered) ?? [];
    const anywhere = { after: 0, before: Number.POSITIVE_INFINITY };
    if (answered.kind === 'ATOMIC')
      return rows.length > 0 ? [] : [{ step: { answered, place: undefined }, ...anywhere }];
    const recorded = new Map(rows.map(([at, { step }]) => [step.place, at]));
    return answered.texts.flatMap((text, place): Unrecorded[] => {
      if (recorded.has(place)) return [];
      const step = { answered, place };
      // The target is looked up before the earlier operations of its batch are decided.
      if (text.includes('_NOT_FOUND')) return [{ step, ...anywhere }];
      const after = rows.findLast(([, row]) => (row.step.place ?? 0) < place)?.[0];
      const before = rows.find(([, row]) => (row.step.place ?? 0) > place)?.[0];
      return [{ step, after: after === undefined ? 0 : after + 1, before: before ?? anywhere.before }];
    });
  });
}

/** Replays the rows from `first` to `end`, and finds places between them for the answers that recorded nothing. */
function replayWave(
  start: ReferenceModel,
  owned: readonly Owned[],
  { first, end }: { readonly first: number; readonly end: number },
  unrecorded: readonly Unrecorded[],
): ReferenceModel {
  const recent = new Set(owned.slice(first, end).map(({ name }) => name));
  const replay = (open: readonly Unrecorded[], isThorough: boolean) => {
    let left = open;
    let model = start.fork();
    for (let at = first; ; ) {
      const isBoundary = at === end || owned[at]?.block !== owned[at - 1]?.block;
      if (isThorough || isBoundary)
        left = left.filter(({ step, after, before }) => {
          return at < after || at > before || !explains(model, step);
        });
      const row = owned[at];
      if (row === undefined || at === end) return { model, left };
      const isRecent = (name: string) => recent.has(name);
      const done = applyRow(model, row, isRecent);
      ({ model } = done);
      at += done.recorded;
    }
  };
  // Most of them fit between two blocks. Only the others are tried between all rows.
  const { model, left } = replay(unrecorded, false);
  const [unexplained] = left.length === 0 ? [] : replay(left, true).left;
  if (unexplained !== undefined) throw new Error(describe(model, unexplained.step));
  return model;
}

/** Returns the model after the row and the other rows of its ATOMIC batch. `isRecent`: the name belongs to this wave. */
function applyRow(
  model: ReferenceModel,
  { step, block }: Owned,
  isRecent: (name: string) => boolean,
): Pick<AtomicDecided, 'model' | 'recorded'> {
  const { answered, place } = step;
  const request = place === undefined ? undefined : (answered.requests[place] as Posting);
  if (request !== undefined && model.refusalOf(request, NOW) === refusalAt(answered, place)) {
    const text = model.answer(request, NOW);
    if (text === answered.texts[place ?? 0]) return { model, recorded: 1 };
    throw new Error(
      `in block ${block}: ${textOf(request)}\n  was answered ${answered.texts[place ?? 0]}\n  not ${text}`,
    );
  }
  const decided = decide(model, step);
  if (isSame(step, decided)) return decided;
  // The taken externalIds are read before the block is appended: a block of the other ledger may come between. This is harmless
  // if the request is declined for another reason; a posted request would need the externalId.
  for (let [before, other] = [model, decided]; ; ) {
    const [, taker = ''] = /^EXTERNAL_ID_TAKEN .*"id":"([^"]+)"/.exec(other.texts.at(-1) ?? '') ?? [];
    if (!isRecent(taker)) throw new Error(`in block ${block}: ${describe(model, step)}`);
    before = before.withoutExternalIdOf(taker);
    other = decide(before, step);
    const [cause = ''] = other.texts;
    if (!isSame(step, other) || cause.startsWith('POSTED') || other.recorded !== 1) continue;
    const declined = answered.requests[place ?? other.index ?? 0] as Posting;
    model.keep(declined, other.keyAccount ?? '', cause);
    return { model, recorded: 1 };
  }
}

const refusalAt = ({ texts }: Answered, place = 0) =>
  texts[place]?.startsWith('POSTED') ? undefined : texts[place];

/** Decides the step on a copy of the model. */
function decide(model: ReferenceModel, { answered, place }: Step): AtomicDecided {
  if (place === undefined) return decideAtomic(model, answered.requests, NOW);
  const request = answered.requests[place] as Posting;
  const next = model.fork();
  const text = next.answer(request, NOW);
  const recorded = KEPT.test(text) && !isAgain(text) ? 1 : 0;
  return { texts: [text], index: undefined, model: next, recorded, keyAccount: model.keyAccountOf(request) };
}

/** Whether the model gives this answer without recording it. */
function explains(model: ReferenceModel, step: Step): boolean {
  const { answered, place } = step;
  if (place !== undefined)
    return model.refusalOf(answered.requests[place] as Posting, NOW) === answered.texts[place];
  const decided = decide(model, step);
  return decided.recorded === 0 && isSame(step, decided);
}

/** No answer depends on the time. */
const NOW = 0n;

function isSame({ answered, place }: Step, { texts, index }: AtomicDecided): boolean {
  if (place !== undefined) return texts[0] === answered.texts[place];
  return index === answered.index && textOf(texts) === textOf(answered.texts);
}

/** Describes the difference between the answer and the model's. */
function describe(model: ReferenceModel, step: Step): string {
  const { kind, requests, texts, index, wave } = step.answered;
  const decided = decide(model, step);
  const given = step.place === undefined ? texts : [texts[step.place]];
  const differs = Math.max(
    0,
    given.findIndex((text, at) => text !== decided.texts[at]),
  );
  const request = requests[step.place ?? index ?? differs];
  const saidAt = (one: number | undefined) => (one === undefined ? '' : ` at ${one} of ${requests.length}`);
  return [
    `${kind} of wave ${wave}: ${textOf(request)}`,
    `  was answered ${given[differs]}${saidAt(index)}`,
    `  not ${decided.texts[differs]}${saidAt(decided.index)}`,
  ].join('\n');
}

/** Returns the answer to an operation; undefined if another operation aborted its batch. */
function textAt({ texts, index }: Answered, place: number): string | undefined {
  if (index === undefined) return texts[place];
  return index === place ? texts[0] : undefined;
}

function keptOf(answers: readonly Answered[]): Explained['kept'] {
  return answers.flatMap((answered) =>
    answered.requests.flatMap((request, place) => {
      const text = textAt(answered, place);
      if (text === undefined || isAgain(text) || !KEPT.test(text)) return [];
      return [{ request, text, isCulprit: answered.index !== undefined }];
    }),
  );
}

function countShared(owned: readonly Owned[]): number {
  const blocks = Map.groupBy(owned, ({ block }) => block);
  const kinds = [...blocks.values()].map((rows) => new Set(rows.map(({ step }) => step.answered.kind)));
  return kinds.filter(({ size }) => size > 1).length;
}

const keyOf = (request: Posting) => ('key' in request ? request.key : '');
const codeOf = (text: string) => text.slice(0, text.indexOf(' '));
