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
    query: `# 1 of 6: create two accounts. Press the play button
# or Ctrl+Enter, then open the next tab.
# Returns: owner Alice, amount 0.00, currency USD,
#   owner Bob, amount 0.00, currency USD
mutation CreateAccounts {
  alice: createAccount(input: {
    owner: "Alice"
    currency: "USD"
    externalId: "alice"
  }) {
    ... on AccountCreated {
      account { owner balance { amount currency } }
    }
    ... on LedgerError { code message }
  }
  bob: createAccount(input: {
    owner: "Bob"
    currency: "USD"
    externalId: "bob"
  }) {
    ... on AccountCreated {
      account { owner balance { amount currency } }
    }
    ... on LedgerError { code message }
  }
}
`,
  },
  {
    query: `# 2 of 6: deposit money. Pass "ext:" and the
# externalId of an account instead of its id.
# Returns: type DEPOSIT,
#   side DEBIT, amount 100.00, amount 100.00,
#   owner external,
#   side CREDIT, amount 100.00, amount 100.00,
#   owner Alice
mutation Deposit {
  deposit(input: {
    accountId: "ext:alice"
    amount: "100.00"
    idempotencyKey: "deposit-1"
  }) {
    ... on TransactionPosted {
      transaction {
        type
        entries {
          side
          amount { amount }
          balanceAfter { amount }
          account { owner }
        }
      }
    }
    ... on LedgerError { code message }
  }
}
`,
  },
  {
    query: `# 3 of 6: transfer money.
# Returns: replayed false, externalId order-42,
#   amount 40.00, currency USD
mutation Transfer {
  transfer(input: {
    fromAccountId: "ext:alice"
    toAccountId: "ext:bob"
    amount: "40.00"
    idempotencyKey: "pay-1"
    externalId: "order-42"
    description: "Two tickets"
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
    query: `# 4 of 6: send the same transfer again. The ledger
# returns the first result, and moves no money.
# Returns: replayed true, externalId order-42,
#   amount 40.00, currency USD
#
# Change the amount, and it is rejected: the key
# belongs to the first request. Change the key and
# the externalId too, and it is another transfer.
mutation TransferAgain {
  transfer(input: {
    fromAccountId: "ext:alice"
    toAccountId: "ext:bob"
    amount: "40.00"
    idempotencyKey: "pay-1"
    externalId: "order-42"
    description: "Two tickets"
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
    query: `# 5 of 6: an overdraft is rejected. The result is
# typed and has the relevant data.
# Returns: code INSUFFICIENT_FUNDS, retryable false,
#   owner Alice, amount 60.00, amount 99.00
mutation Overdraft {
  transfer(input: {
    fromAccountId: "ext:alice"
    toAccountId: "ext:bob"
    amount: "99.00"
    idempotencyKey: "pay-3"
  }) {
    ... on TransactionPosted { replayed }
    ... on InsufficientFundsError {
      code
      retryable
      account { owner }
      available { amount }
      requested { amount }
    }
    ... on LedgerError { code }
  }
}
`,
  },
  {
    query: `# 6 of 6: Alice's history, newest first, and the
# totals of the ledger.
# Returns: amount 60.00,
#   version 2, side DEBIT, amount 40.00,
#   amount 60.00, type TRANSFER,
#   description Two tickets,
#   version 1, side CREDIT, amount 100.00,
#   amount 100.00, type DEPOSIT, description null,
#   currency USD, amount 100.00, amount 100.00,
#   accounts 3, number 3
#
# Every field has a description: open the documentation
# on the left, or press Ctrl+Space in the editor.
query History {
  account(id: "ext:alice") {
    balance { amount }
    history(first: 10) {
      nodes {
        version
        side
        amount { amount }
        balanceAfter { amount }
        transaction { type description }
      }
    }
  }
  ledger {
    trialBalance {
      currency
      debits { amount }
      credits { amount }
      accounts
    }
    head { number }
  }
}
`,
  },
];
