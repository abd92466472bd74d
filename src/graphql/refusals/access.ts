import { CODES, LedgerError, typeOf } from './refusal.ts';

export const ApiKeyNotFoundError = typeOf('API_KEY_NOT_FOUND').implement({
  interfaces: [LedgerError],
  description: CODES.API_KEY_NOT_FOUND,
  fields: (t) => ({
    apiKeyId: t.id({
      description: 'The API key as given in the request.',
      resolve: ({ facts }) => facts.apiKeyId,
    }),
  }),
});
