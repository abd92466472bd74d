/**
 * Limits on a document that protect parsing and validation, before its cost can be computed. Some rules of validation compare
 * fields or fragments in pairs, and some read a fragment once for each path to it.
 *
 * `checkText` runs before parsing, because the parser is recursive. `checkDocument` runs before validation. It counts fragments
 * by the counts of their parts, without expanding them.
 */
import {
  type DocumentNode,
  type FragmentDefinitionNode,
  GraphQLError,
  getOperationAST,
  Kind,
  Lexer,
  type SelectionSetNode,
  Source,
  TokenKind,
} from 'graphql';

export const DOCUMENT_LIMITS = {
  characters: 100_000,
  tokens: 5000,
  /** Open brackets of any kind. Also the depth of fields after fragments are expanded. */
  nesting: 50,
  /** Operations and fragments. Validation compares the fragments of one selection set in pairs. */
  definitions: 50,
  /** Fields, inline fragments and spreads of all definitions, after fragments are expanded. */
  selections: 1500,
  /** Fields with one name in one place. Validation compares them in pairs. Each member of a union may select the name once. */
  repeats: 40,
  /** Fields of a mutation, including skipped ones. */
  mutationFields: 10,
} as const;
type Limit = keyof typeof DOCUMENT_LIMITS;

const NAMES: Readonly<Record<Limit, string>> = {
  characters: 'characters',
  tokens: 'tokens',
  nesting: 'levels of nesting',
  definitions: 'operations and fragments',
  selections: 'fields and fragments, counted after expansion',
  repeats: 'fields of one name in one place',
  mutationFields: 'fields of a mutation, counted after expansion',
};

/** Returns the error of a request that exceeds a limit and is rejected before execution. */
export function limitExceeded(limit: string, name: string, given: number, allowed: number): GraphQLError {
  const counted = Math.min(given, Number.MAX_SAFE_INTEGER);
  return new GraphQLError(
    `The request has ${counted.toLocaleString('en')} ${name}; at most ${allowed.toLocaleString('en')} are allowed.`,
    { extensions: { code: 'INVALID_INPUT', limit, given: counted, allowed, http: { status: 400 } } },
  );
}

function check(limit: Limit, given: number): void {
  const allowed = DOCUMENT_LIMITS[limit];
  if (given > allowed) throw limitExceeded(limit, NAMES[limit], given, allowed);
}

const OPENING: ReadonlySet<TokenKind> = new Set([TokenKind.BRACE_L, TokenKind.BRACKET_L, TokenKind.PAREN_L]);
const CLOSING: ReadonlySet<TokenKind> = new Set([TokenKind.BRACE_R, TokenKind.BRACKET_R, TokenKind.PAREN_R]);

/** Throws for the first limit that a text exceeds, and a GraphQL syntax error for an invalid token. */
export function checkText(text: string): void {
  check('characters', text.length);
  const lexer = new Lexer(new Source(text));
  let [tokens, nesting] = [0, 0];
  for (let { kind } = lexer.advance(); kind !== TokenKind.EOF; { kind } = lexer.advance()) {
    tokens += 1;
    if (OPENING.has(kind)) nesting += 1;
    if (CLOSING.has(kind)) nesting -= 1;
    check('tokens', tokens);
    check('nesting', nesting);
  }
}

/** The size of a selection set after expansion. */
interface SetSize {
  depth: number;
  selections: number;
  /** Fields of the set itself, without those of its fields' selection sets. */
  ownFields: number;
}

/** Throws for the first limit that a document exceeds. Validation of any other document is quick. */
export function checkDocument(document: DocumentNode): void {
  check('definitions', document.definitions.length);
  const fragments = fragmentsOf(document);
  const known = new Map<SelectionSetNode, SetSize | 'in progress'>();

  const measure = (set: SelectionSetNode): SetSize => {
    const before = known.get(set);
    if (before === 'in progress') throw new GraphQLError(CYCLE, { extensions: REFUSED });
    if (before !== undefined) return before;
    known.set(set, 'in progress');
    const size = { depth: 0, selections: 0, ownFields: 0 };
    for (const selection of set.selections) {
      const isField = selection.kind === Kind.FIELD;
      const inside =
        selection.kind === Kind.FRAGMENT_SPREAD
          ? fragments.get(selection.name.value)?.selectionSet
          : selection.selectionSet;
      const below = inside === undefined ? NOTHING : measure(inside);
      size.depth = Math.max(size.depth, below.depth + (isField ? 1 : 0));
      size.selections += 1 + below.selections;
      size.ownFields += isField ? 1 : below.ownFields;
    }
    known.set(set, size);
    return size;
  };

  let total = 0;
  for (const definition of document.definitions) {
    // Validation rejects type definitions.
    if (definition.kind !== Kind.OPERATION_DEFINITION && definition.kind !== Kind.FRAGMENT_DEFINITION)
      continue;
    const { depth, selections, ownFields } = measure(definition.selectionSet);
    total += selections;
    check('selections', total);
    check('nesting', depth);
    if (definition.kind === Kind.OPERATION_DEFINITION && definition.operation === 'mutation') {
      check('mutationFields', ownFields);
    }
    checkRepeats([definition.selectionSet], fragments);
  }
}

const NOTHING: Readonly<SetSize> = { depth: 0, selections: 0, ownFields: 0 };
const REFUSED = { code: 'INVALID_INPUT', http: { status: 400 } };
const CYCLE = 'A fragment must not spread itself, directly or through other fragments.';

/** Counts the fields of each name in each place, across the selection sets that GraphQL merges there. */
function checkRepeats(
  sets: readonly SelectionSetNode[],
  fragments: ReadonlyMap<string, FragmentDefinitionNode>,
): void {
  const below = new Map<string, { count: number; sets: SelectionSetNode[] }>();
  const spread = new Set<string>();
  const collect = ({ selections }: SelectionSetNode): void => {
    for (const selection of selections) {
      if (selection.kind === Kind.INLINE_FRAGMENT) {
        collect(selection.selectionSet);
      } else if (selection.kind === Kind.FRAGMENT_SPREAD) {
        const name = selection.name.value;
        const fragment = spread.has(name) ? undefined : fragments.get(name);
        spread.add(name);
        if (fragment !== undefined) collect(fragment.selectionSet);
      } else {
        const name = selection.alias?.value ?? selection.name.value;
        const fields = below.get(name) ?? { count: 0, sets: [] };
        below.set(name, fields);
        fields.count += 1;
        check('repeats', fields.count);
        if (selection.selectionSet !== undefined) fields.sets.push(selection.selectionSet);
      }
    }
  };
  for (const set of sets) collect(set);
  for (const fields of below.values()) if (fields.sets.length > 0) checkRepeats(fields.sets, fragments);
}

/** Returns whether the operation that the request names is a mutation whose fields all have this name. */
export function isOnly(field: string, document: DocumentNode, operationName?: string | null): boolean {
  const operation = getOperationAST(document, operationName);
  if (operation?.operation !== 'mutation') return false;
  const fragments = fragmentsOf(document);
  const holds = ({ selections }: SelectionSetNode): boolean =>
    selections.every((selection) => {
      if (selection.kind === Kind.FIELD) return selection.name.value === field;
      if (selection.kind === Kind.INLINE_FRAGMENT) return holds(selection.selectionSet);
      const fragment = fragments.get(selection.name.value);
      return fragment !== undefined && holds(fragment.selectionSet);
    });
  return holds(operation.selectionSet);
}

/** Returns the fragments of a document by name. */
export function fragmentsOf({ definitions }: DocumentNode): Map<string, FragmentDefinitionNode> {
  return new Map(
    definitions.flatMap((definition) =>
      definition.kind === Kind.FRAGMENT_DEFINITION ? [[definition.name.value, definition] as const] : [],
    ),
  );
}
