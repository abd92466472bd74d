// Other GraphQL clients use the documents and possibleTypes. docs/clients.md has a transfer with each of them.

import { ApolloClient, gql, HttpLink, InMemoryCache } from '@apollo/client';
import { Client, fetchExchange } from '@urql/core';
import { cacheExchange } from '@urql/exchange-graphcache';
import { buildSchema, parse, validate } from 'graphql';
import { afterAll, describe, expect, test } from 'vitest';
import * as client from '../../src/client/index.ts';
import { serve } from '../graphql/api.ts';
import { createTestDatabase } from '../support/database.ts';
import { readPage } from '../support/docs.ts';
import { expectSoundBooks, makeAccounts, openLedger } from '../support/ledger.ts';

const database = await createTestDatabase();
const books = await openLedger(database);
const { server } = await serve(books);
const url = `${server.url}/graphql`;
afterAll(() => expectSoundBooks(database));

const schema = buildSchema(await readPage('schema.graphql'));
const documents = Object.entries(client).filter(([name]) => name.endsWith('Document')) as [string, string][];

test('every mutation and query has a document that any client can parse and the schema accepts', () => {
  const names = [schema.getMutationType(), schema.getQueryType()].flatMap((type) =>
    Object.keys(type?.getFields() ?? {}),
  );
  const answered = documents.flatMap(([name, text]) => {
    const document = parse(text);
    expect(validate(schema, document), name).toEqual([]);
    expect(gql(text).definitions.length, name).toBe(document.definitions.length);
    return document.definitions.flatMap((definition) =>
      definition.kind !== 'OperationDefinition'
        ? []
        : definition.selectionSet.selections.map((field) => (field.kind === 'Field' ? field.name.value : '')),
    );
  });
  expect(new Set(answered)).toEqual(new Set(names));
});

describe('a cache with possibleTypes returns a refusal with its facts', () => {
  /** A transfer from an empty account. */
  async function refusedOperation() {
    const [fromAccountId = '', toAccountId = ''] = await makeAccounts(books, 2);
    return { transfer: { fromAccountId, toAccountId, amount: '5.00', idempotencyKey: 'refused' } };
  }
  const facts = {
    __typename: 'InsufficientFundsError',
    code: 'INSUFFICIENT_FUNDS',
    available: { amount: '0.00' },
    requested: { amount: '5.00' },
  };

  test("Apollo's", async () => {
    const cache = new InMemoryCache({ possibleTypes: client.possibleTypes });
    const apollo = new ApolloClient({ link: new HttpLink({ uri: url }), cache });
    const preview = {
      query: gql(client.PreviewDocument),
      variables: { operation: await refusedOperation() },
    };
    await apollo.query(preview);
    expect(apollo.readQuery(preview)).toMatchObject({ preview: facts });
  });

  test("urql's normalized one", async () => {
    const warnings: string[] = [];
    const cache = cacheExchange({
      possibleTypes: client.possibleTypes,
      keys: { Money: () => null },
      logger: (_, message) => warnings.push(message),
    });
    const urql = new Client({ url, exchanges: [cache, fetchExchange] });
    const variables = { operation: await refusedOperation() };
    await urql.query(client.PreviewDocument, variables);
    const kept = urql.readQuery(client.PreviewDocument, variables);
    expect(kept?.operation.context.meta?.cacheOutcome).toBe('hit');
    expect(kept?.data).toMatchObject({ preview: facts });
    // Without possibleTypes it guesses which fragments match, and warns of it.
    expect(warnings.filter((warning) => warning.startsWith('Heuristic Fragment Matching'))).toEqual([]);
  });
});
