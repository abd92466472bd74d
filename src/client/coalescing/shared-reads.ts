/** Reads of single nodes that share a request, in which each read has an alias. */

import { readAnswer, resultOf, type Transport, type TypedDocument } from '../transport.ts';
import { Coalescer, RequestNotShared, type Settled } from './coalescer.ts';

type ById = TypedDocument<object, { readonly id: string }>;

/** The service takes 1,000 fields in one request. A transaction has the most: 46. */
const MAX_READS = 20;

/** Sends reads of single nodes, those of one kind that are called in one turn of the event loop by one request. */
export class SharedReads {
  readonly #transport: Transport;
  readonly #coalescers = new Map<ById, Coalescer<string, unknown>>();

  constructor(transport: Transport) {
    this.#transport = transport;
  }

  /** Sends the document once and returns its field. */
  send(document: ById, id: string, signal: AbortSignal): Promise<unknown> {
    const coalescer = this.#coalescers.get(document) ?? coalescerOf(this.#transport, document);
    this.#coalescers.set(document, coalescer);
    return coalescer.send(id, signal);
  }
}

function coalescerOf(transport: Transport, document: ById): Coalescer<string, unknown> {
  const text = document.toString();
  // Written by the generator, which leaves out what GraphQL ignores.
  const [, field, selection, fragments] =
    /^query \w+\(\$id:ID!\)\{(\w+)\(id:\$id\)(\{[\w. ]*\})\}(.*)$/.exec(text) ?? [];
  if (field === undefined) throw new TypeError(`The document reads no node by its id: ${text}`);
  return new Coalescer({
    limits: { count: MAX_READS, bytes: Number.POSITIVE_INFINITY, cost: Number.POSITIVE_INFINITY },
    sizeOf: () => ({ count: 1, bytes: 0, cost: 0 }),
    sendOne: async (id, signal) => resultOf(await transport.send(document, { id }, signal)),
    async sendMany(ids, signal): Promise<Settled<unknown>[]> {
      const parameters = ids.map((_, index) => `$${aliasOf(index)}:ID!`);
      const reads = ids.map((_, index) => `${aliasOf(index)}:${field}(id:$${aliasOf(index)})${selection}`);
      const query = `query Shared(${parameters}){${reads.join(' ')}}${fragments}`;
      const variables = Object.fromEntries(ids.map((id, index) => [aliasOf(index), id]));
      const { status, body } = await transport.exchange(query, JSON.stringify(variables), signal);
      const { data, errors } = body;
      if (data === undefined) throw new RequestNotShared();
      if (data === null) readAnswer(status, body);
      return ids.map((_, index) => {
        const alias = aliasOf(index);
        const own = Array.isArray(errors) ? errors.filter(({ path }) => (path?.[0] ?? alias) === alias) : [];
        const ownErrors = own.map((error) =>
          error.path === undefined ? error : { ...error, path: [field, ...error.path.slice(1)] },
        );
        try {
          const answer = readAnswer(status, {
            data: { [field]: (data as Record<string, unknown> | null)?.[alias] },
            errors: ownErrors,
          });
          return { answer: resultOf(answer) };
        } catch (error) {
          return { error };
        }
      });
    },
  });
}

function aliasOf(index: number): string {
  return `n${index}`;
}
