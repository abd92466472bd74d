import { toAccountRequest } from '../../core/create-account.ts';
import { type Refusal, refuse } from '../../core/errors.ts';
import type { AccountsCreated } from '../../ledger/ledger.ts';
import { builder } from '../builder.ts';
import { noteAnswer, settle } from '../context.ts';
import * as refusals from '../refusals/refusals.ts';
import { CreateAccountInput, CreateAccountResult } from './create-account.ts';

const MAX_ACCOUNTS = 1000;

const CreateAccountsInput = builder.inputType('CreateAccountsInput', {
  description: 'The accounts to create with one request.',
  fields: (t) => ({
    accounts: t.field({
      type: [CreateAccountInput],
      required: true,
      description:
        `1 to ${MAX_ACCOUNTS} accounts. Each is created independently, in this order. Set an idempotencyKey in each, so that you can ` +
        'send the request again if its answer is lost.',
    }),
  }),
});

builder.objectType('AccountsCreated', {
  description: 'The results of all accounts of the request.',
  fields: (t) => ({
    results: t.field({
      type: [CreateAccountResult],
      complexity: { multiplier: MAX_ACCOUNTS },
      description:
        'One result for each account, in the order of the request. A refusal does not affect the other accounts. The `field` of a ' +
        'refusal is a path from the input, such as `accounts[17].owner`.',
      resolve: ({ results }) => [...results],
    }),
  }),
});

const CreateAccountsResult = builder.unionType('CreateAccountsResult', {
  description: 'The results, or the reason why no account was created.',
  types: ['AccountsCreated', ...refusals.COMMON_REFUSALS],
  resolveType: ({ code }) =>
    code === 'ACCOUNTS_CREATED' ? 'AccountsCreated' : refusals.refusalTypeName(code),
});

builder.mutationField('createAccounts', (t) =>
  t.field({
    type: CreateAccountsResult,
    nullable: true,
    description: 'Creates many accounts independently. See `createAccount`.',
    args: {
      input: t.arg({ type: CreateAccountsInput, required: true, description: 'The accounts to create.' }),
    },
    resolve: async (_, { input: { accounts } }, context): Promise<AccountsCreated | Refusal> => {
      if (accounts.length === 0 || accounts.length > MAX_ACCOUNTS) {
        const problem = `must have 1 to ${MAX_ACCOUNTS} elements, but has ${accounts.length}`;
        return settle(context, refuse('malformedInput', { field: 'accounts', problem }));
      }
      const requests = accounts.map((account, place) => toAccountRequest(account, `accounts[${place}].`));
      const answer = settle(context, await context.ledger.createAccounts(requests));
      if (answer.code === 'ACCOUNTS_CREATED') {
        for (const result of answer.results) noteAnswer(context, result);
      }
      return answer;
    },
  }),
);
