import { describe, expect, it } from 'vitest';
import { stateOfKey } from '../../../src/core/access/api-key.ts';
import {
  type KeyInput,
  mayGrant,
  refuseTakenName,
  toNewKey,
  visibleKeys,
} from '../../../src/core/access/key-changes.ts';
import { ANYBODY, SCOPES, type Scope, type Viewer } from '../../../src/core/access/viewer.ts';
import { toLedgerName } from '../../../src/core/create-ledger.ts';
import { messageOf } from '../../../src/core/refusal-messages.ts';
import { Malformed } from '../../../src/core/values/text.ts';

const NOW = 1_700_000_000_000_000n;

/** All sets of scopes. */
const SETS: readonly (readonly Scope[])[] = Array.from({ length: 2 ** SCOPES.length }, (_, bits) =>
  SCOPES.filter((_scope, place) => ((bits >> place) & 1) === 1),
);
const viewerOf = (scopes: readonly Scope[], allLedgers: boolean, owner: string | null = null): Viewer => ({
  actor: null,
  scopes: new Set(scopes),
  allLedgers,
  owner,
});

describe('nobody grants a scope or a ledger that they lack', () => {
  it('in any combination of scopes', () => {
    let allowed = 0;
    for (const held of SETS) {
      for (const wanted of SETS) {
        for (const [hasAll, wantsAll] of [
          [false, false],
          [false, true],
          [true, false],
          [true, true],
        ] as const) {
          const may = mayGrant(viewerOf(held, hasAll), { scopes: wanted, allLedgers: wantsAll });
          const isBeyond =
            wanted.filter((scope) => !held.includes(scope)).length > 0 || (wantsAll && !hasAll);
          expect(may, `${held} grants ${wanted}`).toBe(held.includes('ADMIN') && !isBeyond);
          if (may) allowed += 1;
          const input: KeyInput = { name: 'n', scopes: wanted, allLedgers: wantsAll };
          const key = toNewKey(viewerOf(held, hasAll), input, NOW);
          if (!may) expect(key).toMatchObject({ code: 'FORBIDDEN' });
          else if (wanted.length === 0) expect(key).toMatchObject({ code: 'INVALID_INPUT' });
          else expect(key).toMatchObject({ scopes: wanted, allLedgers: wantsAll });
        }
      }
    }
    expect(allowed).toBe(3 * 27 * 2);
  });

  it('and a caller who is restricted to an owner grants nothing', () => {
    const viewer = viewerOf(SCOPES, true, 'alice');
    expect(mayGrant(viewer, { scopes: ['READ'], allLedgers: false })).toBe(false);
    expect(visibleKeys(viewer)).toBe('NONE');
  });
});

it('keys are visible with ADMIN only: all of them with all ledgers, otherwise those of the ledger', () => {
  for (const scopes of SETS) {
    const isAdmin = scopes.includes('ADMIN');
    expect(visibleKeys(viewerOf(scopes, true))).toBe(isAdmin ? 'ALL' : 'NONE');
    expect(visibleKeys(viewerOf(scopes, false))).toBe(isAdmin ? 'LEDGER' : 'NONE');
  }
});

describe('the input of a key', () => {
  const input: KeyInput = { name: 'ops', scopes: ['READ'] };
  const read = (change: object) => toNewKey(ANYBODY, { ...input, ...change }, NOW);

  it('is completed with the defaults', () => {
    const key = { name: 'ops', owner: null, allLedgers: false, expiresAt: null, requestsPerSecond: null };
    expect(read({})).toEqual({ ...key, scopes: ['READ'] });
    expect(read({ allLedgers: null, owner: null, expiresAt: null, requestsPerSecond: null })).toEqual({
      ...key,
      scopes: ['READ'],
    });
    expect(read({ scopes: ['ADMIN', 'READ'] })).toEqual({ ...key, scopes: ['READ', 'ADMIN'] });
  });

  it.for<readonly [change: Partial<Record<keyof KeyInput, unknown>>, field: string]>([
    [{ name: '' }, 'name'],
    [{ name: 'a\0b' }, 'name'],
    [{ name: '\ud800' }, 'name'],
    [{ name: 'é'.repeat(128) }, 'name'],
    [{ scopes: [] }, 'scopes'],
    [{ scopes: ['READ', 'READ'] }, 'scopes'],
    [{ scopes: ['READ', 'WRITE'] }, 'scopes'],
    [{ scopes: ['read'] }, 'scopes'],
    [{ owner: '' }, 'owner'],
    [{ owner: 'a\0' }, 'owner'],
    [{ owner: 'é'.repeat(128) }, 'owner'],
    [{ owner: 'external' }, 'owner'],
    [{ owner: 'alice', scopes: ['MANAGE'] }, 'owner'],
    [{ owner: 'alice', scopes: ['READ', 'POST', 'ADMIN'] }, 'owner'],
    [{ expiresAt: new Malformed('must be an instant') }, 'expiresAt'],
    [{ expiresAt: NOW }, 'expiresAt'],
    [{ expiresAt: NOW - 1n }, 'expiresAt'],
    [{ expiresAt: 0n }, 'expiresAt'],
    [{ requestsPerSecond: 0 }, 'requestsPerSecond'],
    [{ requestsPerSecond: -1 }, 'requestsPerSecond'],
    [{ requestsPerSecond: 1.5 }, 'requestsPerSecond'],
    [{ requestsPerSecond: 1_000_001 }, 'requestsPerSecond'],
    [{ requestsPerSecond: Number.NaN }, 'requestsPerSecond'],
  ])('is refused with %o', ([change, field]) => {
    expect(read(change)).toMatchObject({ code: 'INVALID_INPUT', facts: { field } });
  });

  it.for([
    { name: 'é'.repeat(127) },
    { scopes: SCOPES },
    { expiresAt: NOW + 1n },
    { requestsPerSecond: 1 },
    { requestsPerSecond: 1_000_000 },
    { allLedgers: true },
    { owner: 'alice' },
    { owner: 'alice', scopes: ['READ', 'POST'] },
    { owner: 'External', allLedgers: true },
  ])('is accepted with %o', (change) => {
    expect(read(change)).toMatchObject(change);
  });

  it('is not read without the permission', () => {
    const viewer = viewerOf(['READ', 'POST', 'MANAGE'], true);
    expect(toNewKey(viewer, { name: '', scopes: [] }, NOW)).toMatchObject({ code: 'FORBIDDEN' });
  });
});

it('the refusal of a taken name says what to do', () => {
  expect(messageOf(refuseTakenName('ops'))).toBe(
    'name must be unique: a key with the name "ops" exists. Revoke that key, or choose another name.',
  );
});

it('a key can be used before the instant of its expiry, and never after its revocation', () => {
  const state = (expiresAt: bigint | null, revokedAt: bigint | null = null) =>
    stateOfKey({ expiresAt, revokedAt }, NOW);
  expect(state(null)).toBe('VALID');
  expect(state(NOW + 1n)).toBe('VALID');
  expect(state(NOW)).toBe('EXPIRED');
  expect(state(NOW - 1n)).toBe('EXPIRED');
  expect(state(null, NOW)).toBe('REVOKED');
  expect(state(NOW - 1n, NOW + 5n)).toBe('REVOKED');
});

describe('a ledger', () => {
  it('is created with ADMIN and all ledgers only', () => {
    for (const scopes of SETS) {
      for (const allLedgers of [false, true]) {
        const may = scopes.includes('ADMIN') && allLedgers;
        const answer = may ? { name: 'eu' } : { code: 'FORBIDDEN' };
        expect(toLedgerName(viewerOf(scopes, allLedgers), 'eu')).toMatchObject(answer);
      }
    }
  });

  it.for(['a', '0', 'main', 'eu-west_1.test', 'a'.repeat(63), '7-'])('may have the name %j', (name) => {
    expect(toLedgerName(ANYBODY, name)).toEqual({ name });
  });

  it.for(['', 'A', '-a', '_a', '.a', 'a b', 'a\n', '\na', 'ä', 'a'.repeat(64), 'a/b', 'a\0', 'ext:a'])(
    'cannot have the name %j',
    (name) => {
      expect(toLedgerName(ANYBODY, name)).toMatchObject({ code: 'INVALID_INPUT', facts: { field: 'name' } });
    },
  );
});
