/** One tab of GraphiQL, which shows the operation's name as its title. */
export interface ExampleTab {
  readonly query: string;
  readonly variables?: Readonly<Record<string, unknown>>;
}

/**
 * What GraphiQL opens with: a first walk, one request a tab, in order. Each says what a new ledger answers, and what it
 * answers when the same is sent again: the answer's fields in their order, without its braces. Lines are as short as the
 * editor is wide.
 */
export const EXAMPLE: readonly ExampleTab[] = [
  {
    query: `# 1 of 5: two accounts. Press the play button or
# Ctrl+Enter, then go on with the next tab.
# Answers: replayed false, owner Carol,
#   replayed false, owner Dave
#
# Every write has a key of your choice. Send it once
# more: nothing is done twice.
# Again: replayed true, owner Carol,
#   replayed true, owner Dave
mutation OpenAccounts {
  carol: createAccount(input: {
    owner: "Carol"
    currency: "EUR"
    externalId: "carol"
    idempotencyKey: "open"
  }) {
    ... on AccountCreated { replayed account { owner } }
    ... on LedgerError { code message }
  }
  dave: createAccount(input: {
    owner: "Dave"
    currency: "EUR"
    externalId: "dave"
    idempotencyKey: "open"
  }) {
    ... on AccountCreated { replayed account { owner } }
    ... on LedgerError { code message }
  }
}
`,
  },
  {
    query: `# 2 of 5: money comes in. "ext:" and your own name
# for an account stand wherever its id does.
# Answers: replayed false, type DEPOSIT,
#   amount 100.00, currency EUR
# Again: replayed true, type DEPOSIT,
#   amount 100.00, currency EUR
mutation Deposit {
  deposit(input: {
    accountId: "ext:carol"
    amount: "100.00"
    idempotencyKey: "first money"
  }) {
    ... on TransactionPosted {
      replayed
      transaction { type amount { amount currency } }
    }
    ... on LedgerError { code message }
  }
}
`,
  },
  {
    query: `# 3 of 5: Carol pays Dave. See the variables below.
# Answers: replayed false, description Two tickets,
#   amount 40.00
# Again: replayed true, description Two tickets,
#   amount 40.00
#
# Change the amount and send it again: the key belongs
# to the first request, and you hear what differs.
# Change the key too, and it is a new transfer.
mutation Pay($amount: Decimal!, $key: String!) {
  transfer(input: {
    fromAccountId: "ext:carol"
    toAccountId: "ext:dave"
    amount: $amount
    idempotencyKey: $key
    description: "Two tickets"
  }) {
    ... on TransactionPosted {
      replayed
      transaction { description amount { amount } }
    }
    ... on IdempotencyConflictError { differingFields }
    ... on LedgerError { code message }
  }
}
`,
    variables: { amount: '40.00', key: 'tickets' },
  },
  {
    query: `# 4 of 5: more than there is. A refusal is an answer
# too: typed, with its facts, under its key forever.
# Answers: code INSUFFICIENT_FUNDS, replayed false,
#   amount 60.00
# Again: code INSUFFICIENT_FUNDS, replayed true,
#   amount 60.00
mutation TooMuch {
  transfer(input: {
    fromAccountId: "ext:carol"
    toAccountId: "ext:dave"
    amount: "99.00"
    idempotencyKey: "too much"
  }) {
    ... on TransactionPosted { transaction { id } }
    ... on LedgerError { code replayed }
    ... on InsufficientFundsError {
      available { amount }
    }
  }
}
`,
  },
  {
    query: `# 5 of 5: Carol's history, newest first. What was
# refused moved nothing.
# Answers: amount 60.00,
#   side DEBIT, amount 40.00, type TRANSFER,
#   side CREDIT, amount 100.00, type DEPOSIT
#
# Everything has a description: open the documentation
# on the left, or press Ctrl+Space while you write.
query History {
  account(id: "ext:carol") {
    balance { amount }
    history(first: 10) {
      nodes {
        side
        amount { amount }
        transaction { type }
      }
    }
  }
}
`,
  },
];
