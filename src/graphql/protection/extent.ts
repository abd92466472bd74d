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
import { introspectionSize } from './introspection.ts';
import { bytesOfLeaf, isAsGiven, isOwnText } from './leaf-bytes.ts';

/** The maximum size of an operation's answer: every list has its maximum length, every text its maximum size. */
export interface Extent {
  /** Units of cost; see cost.ts. */
  readonly cost: number;
  /** Bytes of the answer, without texts that repeat the request. */
  readonly bytes: number;
  /** Bytes of those texts, by their own limits. */
  readonly repeatedBytes: number;
  /** How often the answer can repeat each text of the request. */
  readonly repeats: number;
}

/** The number of results of a batch, and the mean number of entries of each result's transaction. */
export interface BatchExtent {
  readonly size: number;
  readonly entries: number;
}

/** Coerced variables, in GraphQL's own form. */
type Variables = Parameters<typeof getArgumentValues>[2];

/** The `complexity` that a field declares. Pothos keeps it in the field's extensions. */
interface Declared {
  readonly field?: number;
  readonly multiplier?: number;
}
type Declaration = number | Declared | ((args: Readonly<Record<string, unknown>>) => Declared) | undefined;

/** Lists with one result for each element of the request. Together they repeat each text of the request once. */
const BATCHES: ReadonlySet<string> = new Set(['BatchProcessed.results', 'AccountsCreated.results']);
/** The transaction that the request itself posted. */
const OWN: ReadonlySet<string> = new Set(['TransactionPosted.transaction', 'HoldPlaced.transaction']);
const ENTRIES = 'Transaction.entries';
/** At most as many as the entries. */
const PARTIES = 'Transaction.parties';
/** Leads from an entry back to its transaction, which is already loaded. */
const BACK_LINK = 'Entry.transaction';

/**
 * The parent of a selection: a result of a batch, an entry of a transaction that is already loaded, a transaction that the request
 * posted alone or in a batch, or anything else.
 */
type Parent = 'other' | 'result' | 'entry' | 'own' | 'own in batch';

/** The quotes, colon and comma of a response key. */
const KEY_MARKS = 4;
/** The brackets and the comma of a list, object or element. */
const BRACKETS = 3;
const UNLIMITED = 1e15;

const NOTHING: Extent = { cost: 0, bytes: 0, repeatedBytes: 0, repeats: 0 };

/**
 * Returns the extent of a valid operation. Of the possible types of a union or interface, the largest counts. Throws GraphQL's
 * error if an argument that decides the length of a list is invalid.
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

  const ofSet = (set: SelectionSetNode, type: GraphQLObjectType, kind: Parent): Extent => {
    const name = `${type.name} ${kind}`;
    const ofType = known.get(name) ?? new Map<SelectionSetNode, Extent>();
    known.set(name, ofType);
    let extent = ofType.get(set);
    if (extent !== undefined) return extent;
    extent = NOTHING;
    for (const selection of set.selections) {
      if (selection.kind === Kind.FIELD) {
        extent = combine(extent, ofField(selection, type, kind), (a, b) => a + b);
        continue;
      }
      const isSpread = selection.kind === Kind.FRAGMENT_SPREAD;
      const fragment = isSpread ? fragments.get(selection.name.value) : selection;
      if (fragment === undefined || !applies(schema, fragment.typeCondition?.name.value, type)) continue;
      extent = combine(extent, ofSet(fragment.selectionSet, type, kind), (a, b) => a + b);
    }
    ofType.set(set, extent);
    return extent;
  };

  const ofField = (node: FieldNode, parent: GraphQLObjectType, kind: Parent): Extent => {
    const name = node.name.value;
    const isOwn = kind === 'own' || kind === 'own in batch';
    const place = `${parent.name}.${name}`;
    const keyBytes = Buffer.byteLength((node.alias ?? node.name).value) + KEY_MARKS;
    const field = schema.getField(parent, name);
    if (field === undefined) throw new TypeError(`invalid operation: ${parent.name} has no field ${name}`);
    const { field: declared = 1, multiplier = 1 } = declarationOf(field, node, variables);
    const cost = place === BACK_LINK && kind !== 'other' ? 1 : declared;
    const type = getNamedType(field.type);
    if (!isCompositeType(type) || node.selectionSet === undefined) {
      const bytes = isAsGiven(parent.name, name) ? UNLIMITED : bytesOfLeaf(type, name);
      return bytes === UNLIMITED || (isOwn && isOwnText(name))
        ? { cost, bytes: keyBytes, repeatedBytes: bytes, repeats: 1 }
        : { ...NOTHING, cost, bytes: keyBytes + bytes };
    }
    const isBatch = BATCHES.has(place);
    const isEntries = place === ENTRIES || place === PARTIES;
    const isOwnEntries = isOwn && isEntries;
    const isOfBatch = isOwnEntries && kind === 'own in batch';
    const length = introspectionSize(schema, place) ?? multiplier;
    const count = isBatch ? batch.size : isOfBatch ? batch.entries : length;
    let largest = NOTHING;
    for (const each of isAbstractType(type) ? schema.getPossibleTypes(type) : [type]) {
      if (!isObjectType(each)) continue;
      largest = combine(largest, ofSet(node.selectionSet, each, parentBelow(place, kind)), Math.max);
    }
    return {
      cost: cost + count * largest.cost,
      bytes: keyBytes + BRACKETS + count * (largest.bytes + BRACKETS),
      repeatedBytes: count * largest.repeatedBytes,
      repeats: (isBatch || isOwnEntries ? 1 : count) * largest.repeats,
    };
  };

  const root = schema.getRootType(operation.operation);
  return root == null ? NOTHING : ofSet(operation.selectionSet, root, 'other');
}

function parentBelow(place: string, kind: Parent): Parent {
  if (BATCHES.has(place)) return 'result';
  if (OWN.has(place)) return kind === 'result' ? 'own in batch' : 'own';
  if (place !== ENTRIES) return 'other';
  return kind === 'own' || kind === 'own in batch' ? kind : 'entry';
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
