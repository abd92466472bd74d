/**
 * A request as text to copy. It must neither look like a repetition of the original nor pay by accident: it takes the idempotency key as
 * a variable that its reader has to supply, and does not run without it.
 */
import { type CopiedRequest, type Fields, quote, type Value } from './request.ts';

const KEY = 'newIdempotencyKey';
const GRAPHQL_NAME = /^[_A-Za-z][_0-9A-Za-z]*$/;

/** Returns a document with one mutation. Without a value for its variable the service rejects it. */
export function asGraphql(request: CopiedRequest): string {
  const { mutation, fields, notes } = request;
  const metadata = fields.flatMap(([, value]) => metadataOf(value))[0];
  // A literal of GraphQL has only names as keys.
  const isVariable = metadata !== undefined && !Object.keys(metadata).every((key) => GRAPHQL_NAME.test(key));
  const variables = [`"${KEY}": "…"`, ...(isVariable ? [`"metadata": ${jsonOf(metadata)}`] : [])].join(', ');
  const result =
    mutation === 'placeHold'
      ? '... on HoldPlaced { replayed hold { id } transaction { id } }'
      : '... on TransactionPosted { replayed transaction { id } }';
  return [
    ...notes.map((note) => `# ${note}`),
    '# Choose a new key and pass it as a variable. The document does not run without it:',
    `# { ${variables} }`,
    `mutation Again($${KEY}: String!${isVariable ? ', $metadata: Metadata!' : ''}) {`,
    `  ${mutation}(`,
    '    input: {',
    `      idempotencyKey: $${KEY}`,
    ...linesOf(fields, '      ', '', (value) => literalOf(value, isVariable)),
    '    }',
    '  ) {',
    '    __typename',
    `    ${result}`,
    '    ... on LedgerError { code message }',
    '  }',
    '}',
    '',
  ].join('\n');
}

/** Returns a call of the client. Until its constant is declared it does not compile. */
export function asClientCall({ mutation, fields, notes }: CopiedRequest): string {
  return [
    ...notes.map((note) => `// ${note}`),
    '// Choose a new key. The call does not compile without it:',
    `// const ${KEY} = '…';`,
    `await ledger.${mutation}({`,
    `  idempotencyKey: ${KEY},`,
    ...linesOf(fields, '  ', ',', codeOf),
    '});',
    '',
  ].join('\n');
}

type Write = (value: Exclude<Value, { readonly list: unknown }>) => string;

function linesOf(fields: Fields, indent: string, end: string, write: Write): string[] {
  return fields.flatMap(([name, value]) => {
    if (typeof value !== 'object' || !('list' in value)) return [`${indent}${name}: ${write(value)}${end}`];
    return [
      `${indent}${name}: [`,
      ...value.list.map((item) => {
        const inner = linesOf(item, '', '', write).join(', ');
        return `${indent}  { ${inner} }${end}`;
      }),
      `${indent}]${end}`,
    ];
  });
}

function literalOf(value: Parameters<Write>[0], isVariable: boolean): string {
  if (typeof value === 'string') return quote(value);
  if (typeof value === 'boolean') return String(value);
  if ('constant' in value) return value.constant;
  if (isVariable) return '$metadata';
  const pairs = Object.entries(value.metadata).map(([key, text]) => `${key}: ${quote(text)}`);
  return `{ ${pairs.join(', ')} }`;
}

function codeOf(value: Parameters<Write>[0]): string {
  if (typeof value === 'string') return quote(value);
  if (typeof value === 'boolean') return String(value);
  if ('constant' in value) return quote(value.constant);
  // A computed key: the literal key __proto__ would set the prototype.
  const pairs = Object.entries(value.metadata).map(([key, text]) =>
    key === '__proto__' ? `['__proto__']: ${quote(text)}` : `${quote(key)}: ${quote(text)}`,
  );
  return `{ ${pairs.join(', ')} }`;
}

function metadataOf(value: Value) {
  return typeof value === 'object' && 'metadata' in value ? [value.metadata] : [];
}

function jsonOf(metadata: Readonly<Record<string, string>>): string {
  const pairs = Object.entries(metadata).map(([key, text]) => `${quote(key)}: ${quote(text)}`);
  return `{ ${pairs.join(', ')} }`;
}
