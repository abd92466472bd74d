import { toAccountRequest } from '../../core/create-account.ts';
import { type Refusal, refuse } from '../../core/errors.ts';
import type { AccountsCreated } from '../../ledger/ledger.ts';
import { builder } from '../builder.ts';
import { noteAnswer, settle } from '../context.ts';
import * as refusals from '../refusals.ts';
import { CreateAccountInput, CreateAccountResult } from './create-account.ts';

const MAX_ACCOUNTS = 1000;

const CreateAccountsInput = builder.inputType('CreateAccountsInput', {
  description: 'Accounts to be made by one request.',
  fields: (t) => ({
    accounts: t.field({
      type: [CreateAccountInput],
      required: true,
      description:
        `1 to ${MAX_ACCOUNTS} accounts. They are made as if each was asked for on its own, in this order. Give each an ` +
        'idempotencyKey, so that the whole can be sent again where its answer was lost.',
    }),
  }),
});

builder.objectType('AccountsCreated', {
  description: 'What became of each account that was asked for.',
  fields: (t) => ({
    results: t.field({
      type: [CreateAccountResult],
      complexity: { multiplier: MAX_ACCOUNTS },
      description:
        'One for each, in the order of the request: the account, or why it was not made. A refusal says nothing against the ' +
        'others. The `field` of a refusal leads from the input on, such as `accounts[17].owner`.',
      resolve: ({ results }) => [...results],
    }),
  }),
});

const CreateAccountsResult = builder.unionType('CreateAccountsResult', {
  description: 'What became of each account, or why none was made.',
  types: ['AccountsCreated', ...refusals.COMMON_REFUSALS],
  resolveType: ({ code }) =>
    code === 'ACCOUNTS_CREATED' ? 'AccountsCreated' : refusals.refusalTypeName(code),
});

builder.mutationField('createAccounts', (t) =>
  t.field({
    type: CreateAccountsResult,
    nullable: true,
    description: 'Makes many accounts, each on its own; see createAccount.',
    args: {
      input: t.arg({ type: CreateAccountsInput, required: true, description: 'The accounts to be made.' }),
    },
    resolve: async (_, { input: { accounts } }, context): Promise<AccountsCreated | Refusal> => {
      if (accounts.length === 0 || accounts.length > MAX_ACCOUNTS) {
        const problem = `must have 1 to ${MAX_ACCOUNTS} elements, and has ${accounts.length}`;
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
