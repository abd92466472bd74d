import {
  type GraphQLArgument,
  GraphQLBoolean,
  type GraphQLCompositeType,
  type GraphQLField,
  type GraphQLInputType,
  GraphQLNonNull,
  type GraphQLObjectType,
  type GraphQLSchema,
  getNamedType,
  isAbstractType,
  isCompositeType,
  isNonNullType,
  isRequiredArgument,
} from 'graphql';
import { Choices } from './choices.ts';
import { type Names, type Replace, Values } from './values.ts';

export interface Request {
  readonly query: string;
  readonly operationName: string | null;
  readonly variables: Readonly<Record<string, unknown>>;
}

/** Whether documents may have a field of a type. */
export type Allows = (type: string, field: string) => boolean;

/** Returns a random document with `sets` sets of variables, determined by the seed. */
export function randomRequests(
  schema: GraphQLSchema,
  names: Names,
  seed: number,
  unique: string,
  sets: number,
  allows: Allows = () => true,
): readonly Request[] {
  const writer = new DocumentWriter(schema, names, new Choices(seed), unique, allows);
  const { query, operationName } = writer.write();
  return Array.from({ length: sets }, (_, set) => ({
    query,
    operationName,
    variables: writer.variables(`${unique}.v${set}`),
  }));
}

interface Variable {
  readonly name: string;
  readonly type: GraphQLInputType;
  /** The name of the argument or input field that uses it. */
  readonly use: string;
  readonly defaultText: string | undefined;
}

/** Its answer is random, and after the first key the service requires one. tests/graphql/rights compares it on both paths. */
const EXCLUDED: ReadonlySet<string> = new Set(['createApiKey']);
const MAX_DEPTH = 4;
/** Names of members of Object.prototype. */
const INHERITED = ['__proto__', 'constructor', 'toString', 'hasOwnProperty'];

class DocumentWriter {
  readonly #schema: GraphQLSchema;
  readonly #names: Names;
  readonly #choices: Choices;
  readonly #values: Values;
  readonly #allows: Allows;
  /** Whether all arguments are variables, as in generated clients. */
  readonly #isWhole: boolean;
  readonly #hasDirectives: boolean;
  readonly #hasDefaults: boolean;
  readonly #hasInheritedNames: boolean;
  readonly #variables: Variable[] = [];
  readonly #fragments: string[] = [];
  #aliases = 0;

  constructor(schema: GraphQLSchema, names: Names, choices: Choices, unique: string, allows: Allows) {
    this.#schema = schema;
    this.#allows = allows;
    this.#names = names;
    this.#choices = choices;
    this.#values = new Values(choices, names, `${unique}.l`);
    // Independent choices, so that many documents have only one feature that prevents their compilation.
    this.#isWhole = choices.chance(65);
    this.#hasDirectives = choices.chance(20);
    this.#hasDefaults = choices.chance(20);
    this.#hasInheritedNames = choices.chance(10);
  }

  write(): Pick<Request, 'query' | 'operationName'> {
    const choices = this.#choices;
    const kind = choices.chance(65) ? 'mutation' : 'query';
    const root = kind === 'mutation' ? this.#schema.getMutationType() : this.#schema.getQueryType();
    if (root == null) throw new TypeError(`the schema has no ${kind}`);
    const fields = Object.values(root.getFields()).filter(
      ({ name }) => !EXCLUDED.has(name) && this.#allows(root.name, name),
    );
    const selections = choices.times(choices.pick(1, 1, 1, 2, 3), () =>
      this.#field(choices.pickFrom(fields), MAX_DEPTH, true),
    );
    if (choices.chance(10)) selections.push('__typename');
    if (choices.chance(3) && kind === 'query') selections.push(INTROSPECTION);
    const body = choices.chance(90)
      ? this.#set(selections)
      : `{ ${selections.slice(1).join(' ')} ...${this.#fragment(root, this.#set(selections.slice(0, 1)))} }`;
    const name = choices.pick('', 'Named');
    const definitions = this.#variables.map(
      ({ name, type, defaultText }) =>
        `$${name}: ${type}${defaultText === undefined ? '' : ` = ${defaultText}`}`,
    );
    const header = definitions.length === 0 ? name : `${name}(${definitions.join(', ')})`;
    const others = name !== '' && choices.chance(4) ? ['query Other { __typename }'] : [];
    const query = [`${kind} ${header} ${body}`, ...others, ...this.#fragments].join('\n');
    const isNamed = others.length > 0 || (name !== '' && choices.chance(30));
    return { query, operationName: isNamed ? 'Named' : null };
  }

  /** Returns a value for each variable. Some are absent, null or malformed. */
  variables(unique: string): Readonly<Record<string, unknown>> {
    const choices = this.#choices;
    const values = new Values(choices, this.#names, unique);
    const given = this.#variables.flatMap(({ name, type, use, defaultText }): [string, unknown][] => {
      const mayLack = !isNonNullType(type) || defaultText !== undefined;
      if (choices.number(200) === 0 || (mayLack && choices.chance(25))) return [];
      if (!isNonNullType(type) && choices.chance(15)) return [[name, null]];
      return [[name, values.make(type, use).json]];
    });
    if (choices.chance(2)) given.push(['extra', 'x']);
    return Object.fromEntries(given);
  }

  #set(selections: readonly string[]): string {
    return `{ ${selections.join(' ')} }`;
  }

  #field(field: GraphQLField<unknown, unknown>, depth: number, isRoot = false): string {
    const choices = this.#choices;
    const args = field.args.flatMap((arg) => {
      if (!isRequiredArgument(arg) && !choices.chance(isPage(arg) ? 30 : 15)) return [];
      return [`${arg.name}: ${this.#argument(arg)}`];
    });
    const type = getNamedType(field.type);
    const isComposite = isCompositeType(type);
    const alias = this.#isInherited() ? choices.pickFrom(INHERITED) : this.#alias();
    const needsAlias = isRoot || args.length > 0 || isComposite;
    const name = needsAlias || choices.chance(3) ? `${alias}: ${field.name}` : field.name;
    const head = `${name}${args.length > 0 ? `(${args.join(', ')})` : ''}`;
    const below = () => (isComposite ? ` ${this.#selectionSet(type, depth - 1)}` : '');
    const text = `${head}${this.#directive()}${below()}`;
    // GraphQL merges the repeated field with the first.
    return isComposite && choices.chance(6) ? `${text} ${head}${this.#directive()}${below()}` : text;
  }

  #isInherited(): boolean {
    return this.#hasInheritedNames && this.#choices.chance(15);
  }

  #alias(): string {
    this.#aliases += 1;
    return `f${this.#aliases}`;
  }

  #argument({ type, name }: GraphQLArgument): string {
    const choices = this.#choices;
    if (this.#isWhole && choices.chance(98)) {
      // An operation whose page size is a variable is never compiled.
      if (isPage({ name }) && choices.chance(90)) return String(choices.pick(0, 1, 3, 20, -1, 101));
      return this.#variable(type, name);
    }
    const replace: Replace = (at, use) => (choices.chance(15) ? this.#variable(at, use) : undefined);
    return this.#values.make(type, name, replace).literal;
  }

  /** Returns a variable that is allowed where this type is expected, mostly of exactly this type. */
  #variable(expected: GraphQLInputType, use: string): string {
    const choices = this.#choices;
    const known = this.#variables.find(
      (variable) => variable.use === use && String(variable.type) === String(expected),
    );
    if (known !== undefined && choices.chance(15)) return `$${known.name}`;
    let type = expected;
    if (!isNonNullType(expected) && choices.chance(25)) type = new GraphQLNonNull(expected);
    const hasDefault = this.#hasDefaults && choices.chance(40);
    if (isNonNullType(expected) && hasDefault && choices.chance(50)) type = expected.ofType;
    const defaultText = hasDefault ? this.#values.make(type, use).literal : undefined;
    const name = this.#isInherited() ? choices.pickFrom(INHERITED) : `v${this.#variables.length}`;
    if (this.#variables.some((variable) => variable.name === name)) return `$${name}`;
    this.#variables.push({ name, type, use, defaultText });
    return `$${name}`;
  }

  #directive(): string {
    const choices = this.#choices;
    if (!this.#hasDirectives || !choices.chance(12)) return '';
    const condition = choices.chance(60)
      ? this.#variable(new GraphQLNonNull(GraphQLBoolean), 'if')
      : choices.pick('true', 'false');
    return ` @${choices.pick('skip', 'include')}(if: ${condition})`;
  }

  #selectionSet(type: GraphQLCompositeType, depth: number): string {
    return this.#set(isAbstractType(type) ? this.#abstract(type, depth) : this.#fieldsOf(type, depth));
  }

  #fieldsOf(type: GraphQLObjectType, depth: number): readonly string[] {
    const choices = this.#choices;
    const selections = Object.values(type.getFields()).flatMap((field) => {
      if (!this.#allows(type.name, field.name)) return [];
      const isComposite = isCompositeType(getNamedType(field.type));
      if (isComposite ? depth <= 0 || !choices.chance(25) : !choices.chance(40)) return [];
      const text = this.#field(field, depth);
      return [choices.chance(4) ? this.#inFragment(type, this.#set([text])) : text];
    });
    return selections.length === 0 || choices.chance(15) ? [...selections, '__typename'] : selections;
  }

  #abstract(type: GraphQLCompositeType, depth: number): readonly string[] {
    const choices = this.#choices;
    if (!isAbstractType(type)) throw new TypeError(`${type} is not abstract`);
    const members = this.#schema.getPossibleTypes(type);
    const selections = members.flatMap((member) => {
      const isRefusal = member.name.endsWith('Error');
      if (!choices.chance(isRefusal ? 6 : 70)) return [];
      return [this.#inFragment(member, this.#set(this.#fieldsOf(member, depth)))];
    });
    const refusal = this.#schema.getType('LedgerError');
    if (isAbstractType(refusal) && members.some((member) => this.#schema.isSubType(refusal, member))) {
      selections.push(this.#inFragment(refusal, '{ code message retryable replayed }'));
    }
    return ['__typename', ...selections];
  }

  #inFragment(type: GraphQLCompositeType, set: string): string {
    const choices = this.#choices;
    if (choices.chance(75)) return `... on ${type}${this.#directive()} ${set}`;
    const spread = `...${this.#fragment(type, set)}`;
    const text = `${spread}${this.#directive()}`;
    return choices.chance(15) ? `${text} ${spread}${this.#directive()}` : text;
  }

  #fragment(type: GraphQLCompositeType, set: string): string {
    const name = `F${this.#fragments.length}`;
    this.#fragments.push(`fragment ${name} on ${type} ${set}`);
    return name;
  }
}

const INTROSPECTION =
  'i1: __type(name: "Money") { name fields { name args { defaultValue } } } i2: __schema { queryType { name } }';

function isPage({ name }: Pick<GraphQLArgument, 'name'>): boolean {
  return name === 'first' || name === 'last';
}
