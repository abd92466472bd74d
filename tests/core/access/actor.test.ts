import { expect, it } from 'vitest';
import { actorId } from '../../../src/core/access/actor.ts';

// Other programs compute these ids too: they never change.
it.for<readonly [...Parameters<typeof actorId>, id: string]>([
  ['CLI', null, 'command line', '08acb388-bbda-8cdc-b37c-3fd5f1498054'],
  ['API_KEY', null, '019a0000-0000-7000-8000-0123456789ab', '2c815bec-a8ab-8b7a-b887-5e07efa35cf8'],
  ['TOKEN', 'https://issuer.example', 'é "user" \n', '4fcf2bb8-2a65-8be5-9368-75422b85e2f6'],
])('the id of the actor %s %s %s is the digest of these three', ([kind, issuer, subject, id]) => {
  expect(actorId(kind, issuer, subject)).toBe(id);
});

it('has the version and the variant of a UUIDv8', () => {
  for (let count = 0; count < 100; count += 1) {
    expect(actorId('TOKEN', 'issuer', `${count}`)).toMatch(
      /^[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/,
    );
  }
});
