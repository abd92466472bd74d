import {
  type DocumentNode,
  type FieldNode,
  type GraphQLField,
  type GraphQLObjectType,
  type GraphQLSchema,
  getArgumentValues,
  getNamedType,
  isAbstractType,
  isCompositeType,
  isObjectType,
  Kind,
  type OperationDefinitionNode,
  type SelectionSetNode,
} from 'graphql';
import { fragmentsOf } from './document-limits.ts';
import { bytesOfLeaf, isAsGiven, isOwnText } from './leaf-bytes.ts';

/** What an operation asks for, where every list is as long and every text as large as it can be. */
export interface Extent {
  /** Units; see cost.ts. */
  readonly cost: number;
  /** Bytes of the answer, without the texts that repeat the request. */
  readonly bytes: number;
  /** The bytes of those texts by their own limits. */
  readonly repeatedBytes: number;
  /** How often the answer can repeat each text of the request. */
  readonly repeats: number;
}

/** The results of a batch: how many there are, and how many entries the transaction of each has on average. */
export interface BatchExtent {
  readonly size: number;
  readonly entries: number;
}

/** Coerced variables, as GraphQL keeps them. */
type Variables = Parameters<typeof getArgumentValues>[2];

/** What a field declares by `complexity`, which Pothos keeps with it. */
interface Declared {
  readonly field?: number;
  readonly multiplier?: number;
}
type Declaration = number | Declared | ((args: Readonly<Record<string, unknown>>) => Declared) | undefined;

/** Lists with one result for each element of the request, whose texts they share out among them. */
const BATCHES: ReadonlySet<string> = new Set(['BatchProcessed.results', 'AccountsCreated.results']);
/** The transaction that a request itself made. */
const OWN: ReadonlySet<string> = new Set(['TransactionPosted.transaction', 'HoldPlaced.transaction']);
const LINES = 'Transaction.entries';
/** From a line to its transaction. */
const WAY_BACK = 'Entry.transaction';

/**
 * Whose the fields of a selection are: a batch's result's, a line's of a transaction that is read already, or a transaction's that
 * the request made, alone or in a batch.
 */
type Whose = 'anything' | 'result' | 'line' | 'own' | 'own of a batch';

/** A response key's quotes, colon and comma. */
const KEY_MARKS = 4;
/** The brackets of a list or object, or of an element and the comma behind it. */
const BRACKETS = 3;
const TYPENAME_BYTES = 40;
const UNLIMITED = 1e15;

const NOTHING: Extent = { cost: 0, bytes: 0, repeatedBytes: 0, repeats: 0 };

/**
 * Measures a valid operation. Of the types that a union or an interface can be, the largest counts. Throws GraphQL's error for
 * an argument that decides how long a list is and cannot be read.
 */
export function extentOf(
  schema: GraphQLSchema,
  document: DocumentNode,
  operation: OperationDefinitionNode,
  variables: Variables,
  batch: BatchExtent,
): Extent {
  const fragments = fragmentsOf(document);
  const known = new Map<string, Map<SelectionSetNode, Extent>>();

  const ofSet = (set: SelectionSetNode, type: GraphQLObjectType, whose: Whose): Extent => {
    const name = `${type.name} ${whose}`;
    const ofType = known.get(name) ?? new Map<SelectionSetNode, Extent>();
    known.set(name, ofType);
    let extent = ofType.get(set);
    if (extent !== undefined) return extent;
    extent = NOTHING;
    for (const selection of set.selections) {
      if (selection.kind === Kind.FIELD) {
        extent = combine(extent, ofField(selection, type, whose), (a, b) => a + b);
        continue;
      }
      const isSpread = selection.kind === Kind.FRAGMENT_SPREAD;
      const fragment = isSpread ? fragments.get(selection.name.value) : selection;
      if (fragment === undefined || !applies(schema, fragment.typeCondition?.name.value, type)) continue;
      extent = combine(extent, ofSet(fragment.selectionSet, type, whose), (a, b) => a + b);
    }
    ofType.set(set, extent);
    return extent;
  };

  const ofField = (node: FieldNode, parent: GraphQLObjectType, whose: Whose): Extent => {
    const name = node.name.value;
    const isOwn = whose === 'own' || whose === 'own of a batch';
    const place = `${parent.name}.${name}`;
    const keyBytes = Buffer.byteLength((node.alias ?? node.name).value) + KEY_MARKS;
    const field = parent.getFields()[name];
    // Fields of introspection.
    if (field === undefined) return { ...NOTHING, cost: 1, bytes: keyBytes + TYPENAME_BYTES };
    const { field: declared = 1, multiplier = 1 } = declarationOf(field, node, variables);
    const cost = place === WAY_BACK && whose !== 'anything' ? 1 : declared;
    const type = getNamedType(field.type);
    if (!isCompositeType(type) || node.selectionSet === undefined) {
      const bytes = isAsGiven(parent.name, name) ? UNLIMITED : bytesOfLeaf(type, name);
      return bytes === UNLIMITED || (isOwn && isOwnText(name))
        ? { cost, bytes: keyBytes, repeatedBytes: bytes, repeats: 1 }
        : { ...NOTHING, cost, bytes: keyBytes + bytes };
    }
    const isBatch = BATCHES.has(place);
    const isLines = place === LINES;
    const isOwnEntries = isOwn && isLines;
    const isOfBatch = isOwnEntries && whose === 'own of a batch';
    const count = isBatch ? batch.size : isOfBatch ? batch.entries : multiplier;
    let largest = NOTHING;
    for (const each of isAbstractType(type) ? schema.getPossibleTypes(type) : [type]) {
      if (!isObjectType(each)) continue;
      largest = combine(largest, ofSet(node.selectionSet, each, whoseBelow(place, whose)), Math.max);
    }
    return {
      cost: cost + count * largest.cost,
      bytes: keyBytes + BRACKETS + count * (largest.bytes + BRACKETS),
      repeatedBytes: count * largest.repeatedBytes,
      repeats: (isBatch || isOwnEntries ? 1 : count) * largest.repeats,
    };
  };

  const root = schema.getRootType(operation.operation);
  return root == null ? NOTHING : ofSet(operation.selectionSet, root, 'anything');
}

function whoseBelow(place: string, whose: Whose): Whose {
  if (BATCHES.has(place)) return 'result';
  if (OWN.has(place)) return whose === 'result' ? 'own of a batch' : 'own';
  if (place !== LINES) return 'anything';
  return whose === 'own' || whose === 'own of a batch' ? whose : 'line';
}

function combine(a: Extent, b: Extent, by: (a: number, b: number) => number): Extent {
  return {
    cost: by(a.cost, b.cost),
    bytes: by(a.bytes, b.bytes),
    repeatedBytes: by(a.repeatedBytes, b.repeatedBytes),
    repeats: by(a.repeats, b.repeats),
  };
}

function applies(schema: GraphQLSchema, condition: string | undefined, type: GraphQLObjectType): boolean {
  if (condition === undefined || condition === type.name) return true;
  const named = schema.getType(condition);
  return isAbstractType(named) && schema.isSubType(named, type);
}

function declarationOf(
  field: GraphQLField<unknown, unknown>,
  node: FieldNode,
  variables: Variables,
): Declared {
  const declared = field.extensions['complexity'] as Declaration;
  if (typeof declared === 'number') return { field: declared };
  return (
    (typeof declared === 'function' ? declared(getArgumentValues(field, node, variables)) : declared) ?? {}
  );
}
