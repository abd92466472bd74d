/**
 * What a document may be, found out before GraphQL validates it: some of its rules compare every field with every other, and
 * some read a fragment once for each way that leads to it.
 *
 * First the text (`checkText`), before it is parsed: the parser recurses. Then the document (`checkDocument`): what fragments
 * expand to is counted with what is known of each, and never expanded, until the count has passed its limit.
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
  visit,
} from 'graphql';

/** At most so many. Those of `fields` and `spreads` count what an operation is once its fragments stand where they are spread. */
export const DOCUMENT_LIMITS = {
  characters: 100_000,
  tokens: 5000,
  /** Brackets of any kind inside each other. */
  nesting: 50,
  /** Operations and fragments. */
  definitions: 50,
  aliases: 100,
  directives: 50,
  spreads: 500,
  /** Fields inside each other. GraphiQL's own introspection has exactly so many. */
  depth: 15,
  fields: 1000,
  /** The same name selected in the same place: a union's every member may have it once. */
  repeats: 40,
  /** Fields of one object among the arguments: validation tells each that is wrong with all of the others. */
  members: 100,
  /** Fields of a mutation, whether they are skipped or not. */
  mutationFields: 10,
} as const;
type Limit = keyof typeof DOCUMENT_LIMITS;

const NAMES: Readonly<Record<Limit, string>> = {
  characters: 'characters',
  tokens: 'tokens',
  nesting: 'brackets inside each other',
  definitions: 'operations and fragments',
  aliases: 'aliases',
  directives: 'directives',
  spreads: 'fragment spreads, counted through fragments',
  depth: 'fields inside each other',
  fields: 'fields, counted through fragments',
  repeats: 'fields of one name in one place',
  members: 'fields in one object',
  mutationFields: 'fields of a mutation, counted through fragments',
};

/** Refuses a request for what it has too much of, before anything of it is done. */
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

/** Throws for the limit that a text passes, at the token that passes it, and GraphQL's syntax error for what is no token. */
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

/** What a selection set is with its fragments in place. */
interface Extent {
  depth: number;
  fields: number;
  spreads: number;
  /** Fields of the set itself, not of what is below them. */
  ownFields: number;
}

/** Throws for the limit that a document passes. A document that does not is no burden to GraphQL's validation. */
export function checkDocument(document: DocumentNode): void {
  check('definitions', document.definitions.length);
  visit(document, { ObjectValue: ({ fields }) => check('members', fields.length) });
  const fragments = fragmentsOf(document);
  const known = new Map<SelectionSetNode, Extent | 'being measured'>();
  const counts = { aliases: 0, directives: 0 };

  const measure = (set: SelectionSetNode): Extent => {
    const before = known.get(set);
    if (before === 'being measured') throw new GraphQLError(CYCLE, { extensions: REFUSED });
    if (before !== undefined) return before;
    known.set(set, 'being measured');
    const extent = { depth: 0, fields: 0, spreads: 0, ownFields: 0 };
    for (const selection of set.selections) {
      counts.directives += selection.directives?.length ?? 0;
      if (selection.kind === Kind.FIELD) {
        if (selection.alias !== undefined) counts.aliases += 1;
        const below = selection.selectionSet === undefined ? NOTHING : measure(selection.selectionSet);
        extent.depth = Math.max(extent.depth, 1 + below.depth);
        extent.fields += 1 + below.fields;
        extent.spreads += below.spreads;
        extent.ownFields += 1;
      } else {
        const isSpread = selection.kind === Kind.FRAGMENT_SPREAD;
        const inside = isSpread ? fragments.get(selection.name.value)?.selectionSet : selection.selectionSet;
        const placed = inside === undefined ? NOTHING : measure(inside);
        extent.depth = Math.max(extent.depth, placed.depth);
        extent.fields += placed.fields;
        extent.spreads += placed.spreads + (isSpread ? 1 : 0);
        extent.ownFields += placed.ownFields;
      }
    }
    known.set(set, extent);
    return extent;
  };

  for (const definition of document.definitions) {
    // Validation refuses what is no operation and no fragment.
    if (definition.kind !== Kind.OPERATION_DEFINITION && definition.kind !== Kind.FRAGMENT_DEFINITION)
      continue;
    counts.directives += definition.directives?.length ?? 0;
    for (const variable of definition.variableDefinitions ?? []) {
      counts.directives += variable.directives?.length ?? 0;
    }
    const { depth, fields, spreads, ownFields } = measure(definition.selectionSet);
    check('aliases', counts.aliases);
    check('directives', counts.directives);
    check('spreads', spreads);
    check('depth', depth);
    check('fields', fields);
    if (definition.kind === Kind.OPERATION_DEFINITION && definition.operation === 'mutation') {
      check('mutationFields', ownFields);
    }
    checkRepeats([definition.selectionSet], fragments);
  }
}

const NOTHING: Readonly<Extent> = { depth: 0, fields: 0, spreads: 0, ownFields: 0 };
const REFUSED = { code: 'INVALID_INPUT', http: { status: 400 } };
const CYCLE = 'A fragment must not spread itself, directly or through others.';

/** GraphQL compares fields of one name in one place pair by pair, and then what is below them. */
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

/** Whether an operation is a mutation of nothing but fields of this name. Which operation, says the request. */
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

export function fragmentsOf({ definitions }: DocumentNode): Map<string, FragmentDefinitionNode> {
  return new Map(
    definitions.flatMap((definition) =>
      definition.kind === Kind.FRAGMENT_DEFINITION ? [[definition.name.value, definition] as const] : [],
    ),
  );
}
