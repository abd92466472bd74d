/** One tab of GraphiQL. Its title is the operation's name. */
export interface ExampleTab {
  readonly query: string;
  readonly variables?: Readonly<Record<string, unknown>>;
}

/**
 * The tabs that GraphiQL opens with: the README's first walk, one request a tab, in order. A comment gives the fields that a new
 * ledger returns, in their order. Lines are as short as the editor is wide.
 */
export const EXAMPLE: readonly ExampleTab[] = [
  {
    query: `# 1 of 4: open two accounts and deposit money. Press
# the play button or Ctrl+Enter, then open the next tab.
# Pass "ext:" and the externalId of an account instead
# of its id.
# Returns: owner Alice, amount 0.00,
#   owner Bob, amount 0.00,
#   side DEBIT, owner external, amount 100.00,
#   side CREDIT, owner Alice, amount 100.00
mutation Open {
  alice: createAccount(input: {
    owner: "Alice"
    currency: "USD"
    externalId: "alice"
  }) { ...Opened }
  bob: createAccount(input: {
    owner: "Bob"
    currency: "USD"
    externalId: "bob"
  }) { ...Opened }
  deposit(input: {
    accountId: "ext:alice"
    amount: "100.00"
    idempotencyKey: "deposit-1"
  }) {
    ... on TransactionPosted {
      transaction {
        entries {
          side
          account { owner }
          balanceAfter { amount }
        }
      }
    }
    ... on LedgerError { code message }
  }
}
fragment Opened on CreateAccountResult {
  ... on AccountCreated {
    account { owner balance { amount } }
  }
  ... on LedgerError { code message }
}
`,
  },
  {
    query: `# 2 of 4: pay for an order.
# Returns: replayed false, externalId order-42,
#   amount 40.00, currency USD
mutation Pay {
  transfer(input: {
    fromAccountId: "ext:alice"
    toAccountId: "ext:bob"
    amount: "40.00"
    idempotencyKey: "pay-1"
    externalId: "order-42"
  }) {
    ... on TransactionPosted {
      replayed
      transaction {
        externalId
        amount { amount currency }
      }
    }
    ... on LedgerError { code message }
  }
}
`,
  },
  {
    query: `# 3 of 4: send the same transfer again. The ledger
# returns the first result, and moves no money.
# Returns: replayed true, externalId order-42,
#   amount 40.00, currency USD
#
# Change the amount, and it is rejected: the key
# belongs to the first request. Change the key and
# the externalId too, and it is another transfer.
mutation PayAgain {
  transfer(input: {
    fromAccountId: "ext:alice"
    toAccountId: "ext:bob"
    amount: "40.00"
    idempotencyKey: "pay-1"
    externalId: "order-42"
  }) {
    ... on TransactionPosted {
      replayed
      transaction {
        externalId
        amount { amount currency }
      }
    }
    ... on LedgerError { code message }
  }
}
`,
  },
  {
    query: `# 4 of 4: an overdraft is rejected. The result is
# typed and has the relevant data.
# Returns: code INSUFFICIENT_FUNDS, owner Alice,
#   amount 60.00, amount 99.00
#
# Every field has a description: open the documentation
# on the left, or press Ctrl+Space in the editor.
mutation Overdraw {
  transfer(input: {
    fromAccountId: "ext:alice"
    toAccountId: "ext:bob"
    amount: "99.00"
    idempotencyKey: "pay-2"
  }) {
    ... on TransactionPosted { transaction { id } }
    ... on InsufficientFundsError {
      code
      account { owner }
      available { amount }
      requested { amount }
    }
    ... on LedgerError { code }
  }
}
`,
  },
];
