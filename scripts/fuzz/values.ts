import {
  type GraphQLEnumType,
  type GraphQLInputObjectType,
  type GraphQLInputType,
  GraphQLString,
  isEnumType,
  isInputObjectType,
  isListType,
  isNonNullType,
  isRequiredInputField,
} from 'graphql';
import type { Choices } from './choices.ts';

/** Names in the books that requests use. */
export interface Names {
  readonly accounts: readonly string[];
  readonly holds: readonly string[];
  readonly transactions: readonly string[];
}

/** The same value as text in a document and as JSON. */
export interface Value {
  readonly literal: string;
  readonly json: unknown;
}

/** Returns the variable that replaces a value in a document; undefined to keep the value. */
export type Replace = (type: GraphQLInputType, name: string) => string | undefined;
const BY_NOTHING: Replace = () => undefined;

/** Generates values of the schema's types. Some are malformed. */
export class Values {
  readonly #choices: Choices;
  readonly #names: Names;
  readonly #unique: string;
  #keys = 0;

  /** `unique` is part of the keys, so that each document has its own keys. */
  constructor(choices: Choices, names: Names, unique: string) {
    this.#choices = choices;
    this.#names = names;
    this.#unique = unique;
  }

  /** Returns a value for the argument or input field of this name. */
  make(type: GraphQLInputType, name: string, replace: Replace = BY_NOTHING): Value {
    const replaced = replace(type, name);
    if (replaced !== undefined) return { literal: replaced, json: null };
    return this.#given(type, name, replace);
  }

  #given(type: GraphQLInputType, name: string, replace: Replace): Value {
    const choices = this.#choices;
    if (isNonNullType(type)) {
      return choices.number(200) === 0 ? same(null) : this.#given(type.ofType, name, replace);
    }
    if (choices.number(200) === 0) return choices.pickFrom(MALFORMED);
    if (isListType(type)) {
      if (choices.chance(15)) return this.#given(type.ofType, name, replace);
      const items = choices.times(choices.number(4), () => this.make(type.ofType, name, replace));
      return {
        literal: `[${items.map(({ literal }) => literal).join(', ')}]`,
        json: items.map(({ json }) => json),
      };
    }
    if (isInputObjectType(type)) return this.#object(type, replace);
    if (isEnumType(type)) return this.#enumValue(type);
    return this.#scalar(String(type), name, replace);
  }

  #object(type: GraphQLInputObjectType, replace: Replace): Value {
    const choices = this.#choices;
    const all = Object.values(type.getFields());
    const fields = type.isOneOf
      ? choices.times(choices.chance(3) ? 2 : 1, () => choices.pickFrom(all))
      : all.filter((field) => choices.chance(isRequiredInputField(field) ? 99 : 25));
    const members = fields.map((field): [string, Value] => {
      if (choices.chance(4) && !isNonNullType(field.type)) return [field.name, same(null)];
      return [field.name, this.make(field.type, field.name, replace)];
    });
    return {
      literal: `{${members.map(([name, { literal }]) => `${name}: ${literal}`).join(', ')}}`,
      json: Object.fromEntries(members.map(([name, { json }]) => [name, json])),
    };
  }

  #enumValue(type: GraphQLEnumType): Value {
    const choices = this.#choices;
    const name = choices.number(100) === 0 ? 'NO_SUCH' : choices.pickFrom(type.getValues()).name;
    return { literal: choices.number(100) === 0 ? JSON.stringify(name) : name, json: name };
  }

  #scalar(type: string, name: string, replace: Replace): Value {
    const choices = this.#choices;
    switch (type) {
      case 'Boolean':
        return same(choices.pick(true, false));
      case 'Int':
        if (name === 'first' || name === 'last') return same(choices.pick(0, 1, 2, 3, 5, 20, -1, 101));
        return same(choices.pick(0, 2, 3, 31, -1));
      case 'Decimal':
        return choices.chance(85)
          ? choices.pick(same('1.00'), same('0.01'), same('2.5'), same(3), same('0.10'))
          : choices.pickFrom(ODD_DECIMALS);
      case 'BigInt':
        return choices.chance(70)
          ? choices.pick(same(1), same('2'), same('5'), same(10))
          : choices.pickFrom(ODD_INTEGERS);
      case 'DateTime':
        return this.#instant(name);
      case 'Metadata':
        return this.#metadata(replace);
      default:
        return this.#text(name);
    }
  }

  #instant(name: string): Value {
    const choices = this.#choices;
    if (choices.chance(15)) return choices.pickFrom(ODD_INSTANTS);
    if (name === 'before') return same(choices.pick('1990-01-01T00:00:00Z', '1991-06-01T12:00:00.5+01:00'));
    if (name === 'expiresAt') return same(choices.pick('2190-01-01T00:00:00Z', '2000-01-01T00:00:00Z'));
    return same(
      choices.pick('2001-02-03T04:05:06Z', '2020-01-01T00:00:00.123456+02:00', '1980-01-01T00:00:00Z'),
    );
  }

  #metadata(replace: Replace): Value {
    const choices = this.#choices;
    if (choices.chance(15)) return choices.pickFrom(ODD_METADATA);
    const texts = choices.times(choices.number(4), (): [string, Value] => {
      const name = choices.pick('order', 'user', 'kind', 'a');
      const variable = replace(GraphQLString, 'description');
      if (variable !== undefined) return [name, { literal: variable, json: null }];
      return [name, choices.number(30) === 0 ? same(5) : same(choices.pick('42', '', 'x y', 'ü"\\😀'))];
    });
    const members = new Map(texts);
    return {
      literal: `{${[...members].map(([name, { literal }]) => `${name}: ${literal}`).join(', ')}}`,
      json: Object.fromEntries([...members].map(([name, { json }]) => [name, json])),
    };
  }

  #text(name: string): Value {
    const choices = this.#choices;
    if (choices.number(100) === 0) return choices.pickFrom(ODD_TEXTS);
    const { accounts, holds, transactions } = this.#names;
    switch (name) {
      case 'idempotencyKey':
        if (choices.chance(5)) return same('shared key');
        this.#keys += 1;
        return same(`${this.#unique}.${this.#keys}`);
      case 'externalId':
        if (choices.chance(10)) return same('taken');
        this.#keys += 1;
        return same(`${this.#unique}.${this.#keys}`);
      case 'id':
      case 'ids':
        return same(choices.pickFrom(choices.pick(accounts, accounts, holds, transactions)));
      case 'holdId':
        return same(choices.pickFrom(holds));
      case 'transactionId':
        return same(choices.pickFrom(transactions));
      case 'currency':
      case 'code':
        return same(choices.pick('USD', 'USD', 'EUR', 'ABC', `C${choices.number(90) + 10}`));
      case 'owner':
        return same(choices.pick('ann', 'bob'));
      case 'after':
      case 'before':
        return same(choices.pick('x', ''));
      default:
        return name.endsWith('ccountId')
          ? same(choices.pickFrom(accounts))
          : same(choices.pick('a text', 'é', ''));
    }
  }
}

function same(json: string | number | boolean | null): Value {
  return { literal: JSON.stringify(json), json };
}

const MALFORMED: readonly Value[] = [
  ...['x', 5, 1.5, true].map((json) => same(json)),
  { literal: '{no: "field"}', json: { no: 'field' } },
  { literal: '[[]]', json: [[]] },
  { literal: 'WORD', json: {} },
];
/** Values for the schema's own scalars. Malformed ones do not fail a document: a refusal names the field. */
const ODD: readonly Value[] = [
  ...['', 'x', 1.5, true, null].map((json) => same(json)),
  { literal: 'WORD', json: [] },
  { literal: '{problem: "x"}', json: { problem: 'x' } },
  { literal: '[]', json: ['1'] },
];
const ODD_DECIMALS = [
  ...ODD,
  ...['-1', '0', '1e3', ' 1', '1.001', '99999999999999999999999', 0, -2].map((json) => same(json)),
  { literal: '9007199254740993', json: Number.MAX_SAFE_INTEGER + 1 },
  { literal: '1.10', json: '1.10' },
  { literal: '1e2', json: 1e2 },
];
const ODD_INTEGERS = [
  ...ODD,
  ...['-1', '99999999999999999999', 0].map((json) => same(json)),
  { literal: '9007199254740993', json: '9007199254740993' },
];
const ODD_INSTANTS = [...ODD, ...['tomorrow', '2026-02-30T00:00:00Z', '2020-01-01', 1577836800].map(same)];
const ODD_METADATA: readonly Value[] = [
  ...ODD,
  { literal: '{user: 5}', json: { user: 5 } },
  { literal: '{user: {name: "x"}}', json: { user: { name: 'x' } } },
  { literal: '{user: ["x"]}', json: { user: ['x'] } },
  { literal: '{user: null}', json: { user: null } },
  { literal: '{__proto__: "x"}', json: JSON.parse('{"__proto__": "x"}') },
  { literal: '{constructor: "x", toString: "y"}', json: { constructor: 'x', toString: 'y' } },
];
const ODD_TEXTS: readonly Value[] = [
  ...['', 'ext:', 'ext:missing', 'acct_01h455vb4pex5vsknk084sn02q', 'a\u0000b', 'x'.repeat(300)].map(same),
  { literal: '"""\n  a block\n  """', json: 'a block' },
  { literal: '7', json: 7 },
  { literal: '1.5', json: 1.5 },
];
