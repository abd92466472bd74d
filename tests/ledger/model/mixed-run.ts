/** Sends single commands and batches of both modes to two ledgers on one database, all at once, in waves. */
import type { Command } from '../../../src/core/decide/command.ts';
import type { Refusal } from '../../../src/core/errors.ts';
import type { BatchProcessed, Outcome } from '../../../src/core/transaction.ts';
import type { Ledger } from '../../../src/ledger/ledger.ts';
import type { AtomicAnswer } from './atomic-model.ts';
import { GONE } from './atomic-model.ts';
import type { Kind, Known, Requests, Sending } from './mixed-requests.ts';
import { OPENING } from './mixed-requests.ts';
import { commandOf, type Names, type Program, textOfOutcome } from './model-program.ts';
import type { Posting } from './reference-model.ts';

/** A request and its answer. */
export interface Answered extends AtomicAnswer {
  readonly kind: Kind;
  readonly requests: readonly Posting[];
  /** The client, and the number of the request in the client's sequence. Clients wait for each answer. */
  readonly client: number;
  readonly turn: number;
  /** All requests of a wave are answered before the next wave is sent. */
  readonly wave: number;
}

export interface Mix {
  readonly ledgers: readonly Ledger[];
  readonly program: Pick<Program, 'requests'>;
  readonly names: Names;
}

/** Returns all answers, in any order. */
export async function sendWaves(mix: Mix, requests: Requests, waves: number): Promise<Answered[]> {
  const answered = await sendAll(mix, [[OPENING]], 0);
  for (let wave = 1; wave <= waves; wave += 1) {
    const known = knownOf(answered);
    const clients = mix.ledgers.flatMap(() => requests.clients(known));
    for (const one of await sendAll(mix, clients, wave)) answered.push(one);
  }
  return answered;
}

/** The clients are spread over the ledgers, so that each ledger receives each kind. */
async function sendAll(mix: Mix, clients: readonly Sending[][], wave: number): Promise<Answered[]> {
  const answers: (Pick<Answered, 'client' | 'turn'> & { sending: Sending; answer: Answer })[] = [];
  const sendEach = async (sendings: readonly Sending[], client: number): Promise<void> => {
    const ledger = mix.ledgers[client % mix.ledgers.length] as Ledger;
    for (const [turn, sending] of sendings.entries())
      answers.push({ client, turn, sending, answer: await send(mix, ledger, sending) });
  };
  await Promise.all(clients.map(sendEach));
  for (const { answer } of answers) for (const outcome of outcomesOf(answer)) mix.names.learn(outcome);
  return answers.map(({ client, turn, sending, answer }) => {
    return { ...sending, client, turn, wave, ...textsOf(answer, mix.names) };
  });
}

type Answer = BatchProcessed | Outcome;

export async function send(
  { program, names }: Mix,
  ledger: Ledger,
  { kind, requests }: Sending,
): Promise<Answer> {
  // Half of the requests use `ext:` names and write amounts with all decimals.
  const commands = requests.map((request, place) =>
    commandOf(program.requests, request, names, place % 2 === 0),
  );
  if (kind !== 'SINGLE') return ledger.postBatch(kind, commands);
  const [command] = commands as [Command | Refusal];
  return 'facts' in command ? command : ledger.post(command);
}

const outcomesOf = (answer: Answer): readonly Outcome[] =>
  answer.code === 'PROCESSED' ? answer.outcomes : [answer];

/** Returns an answer as the model's text. */
export function textsOf(answer: Answer, names: Names): AtomicAnswer {
  const aborted = answer.code === 'BATCH_ABORTED' ? answer.facts : undefined;
  const outcomes = aborted === undefined ? outcomesOf(answer) : [aborted.cause];
  const texts = outcomes.map((outcome) => textOfOutcome(outcome, names).replace(UNKNOWN, `"${GONE}"`));
  return { texts, index: aborted?.index };
}
const UNKNOWN = /"(hold|txn)_[0-9a-z]{26}"/g;

/** Returns the created holds and transactions, by the model's names. */
function knownOf(answered: readonly Answered[]): Known {
  const [holds, posted]: [string[], string[]] = [[], []];
  for (const { requests, texts, index } of answered) {
    if (index !== undefined) continue;
    for (const [place, text] of texts.entries()) {
      const [, name] = /^POSTED .*"name":"([^"]+)"}$/.exec(text) ?? [];
      if (name !== undefined) (requests[place]?.kind === 'HOLD' ? holds : posted).push(name);
    }
  }
  return { holds, posted };
}
