/** A form is compared with a plain ledger, while people press, reload, duplicate tabs and lose answers in random order. */
import { randomInt } from 'node:crypto';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { type Sent, type Tab, World } from '../support/people.ts';
import { ANSWERS } from '../support/plain-ledger.ts';

const index = fc.nat(5);
const step = fc.oneof(
  {
    weight: 3,
    arbitrary: fc.record({
      kind: fc.constant('type' as const),
      index,
      amount: fc.integer({ min: 1, max: 3 }),
    }),
  },
  { weight: 6, arbitrary: fc.record({ kind: fc.constant('press' as const), index }) },
  {
    weight: 6,
    arbitrary: fc.record({ kind: fc.constant('answer' as const), index, how: fc.constantFrom(...ANSWERS) }),
  },
  ...(
    ['reload', 'leave', 'give up', 'late', 'duplicate', 'break storage', 'break keys', 'lose keys'] as const
  ).map((kind) => ({
    weight: 1,
    arbitrary: fc.record({ kind: fc.constant(kind), index }),
  })),
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('funds' as const), index, funds: fc.nat(4) }) },
);
type Step = typeof step extends fc.Arbitrary<infer Of> ? Of : never;

async function take(world: World, chosen: Step): Promise<void> {
  const pick = <T>(items: readonly T[]) => items[chosen.index % Math.max(1, items.length)];
  const tab = pick(world.tabs) as Tab;
  switch (chosen.kind) {
    case 'type':
      world.type(tab, `${chosen.amount}`);
      break;
    case 'press':
      await world.press(tab);
      break;
    case 'answer': {
      const request = pick(world.sent.filter(({ state }) => state === 'open'));
      if (request !== undefined) await world.answer(request, chosen.how);
      break;
    }
    case 'reload':
      tab.alive = {};
      world.show(tab);
      break;
    case 'leave':
      if (tab.form === undefined) world.show(tab);
      else world.leave(tab);
      break;
    case 'give up':
      world.startNew(tab);
      break;
    case 'late': {
      const request = pick(world.sent.filter(({ state }) => state === 'late'));
      if (request !== undefined) world.execute(request);
      break;
    }
    case 'duplicate':
      if (world.tabs.length < 3) world.duplicate(tab);
      break;
    case 'break storage':
      tab.isBroken = !tab.isBroken;
      break;
    case 'break keys':
      world.areKeysBroken = !world.areKeysBroken;
      break;
    case 'lose keys':
      if (world.tabs.length === 1) world.loseKeys();
      break;
    case 'funds':
      world.ledger.funds = chosen.funds;
  }
}

test('a form pays once and shows what the ledger did, whatever is lost, repeated, reloaded or duplicated', async () => {
  const seed = randomInt(2 ** 31);
  const seen = new Map<string, number>();
  const property = fc.asyncProperty(
    fc.array(step, { minLength: 5, maxLength: 40, size: 'max' }),
    async (steps) => {
      const world = new World();
      world.open();
      for (const chosen of steps) {
        await take(world, chosen);
        world.check();
      }
      await world.finish();
      world.check();
      for (const [name, count] of world.seen) seen.set(name, (seen.get(name) ?? 0) + count);
    },
  );
  await fc.assert(property, { seed, numRuns: 2000 });
  for (const name of [
    ...ANSWERS,
    'executions',
    'posted',
    'undecided',
    'IntentConflict',
    'KeyStoreError',
    'DraftNotStored',
  ]) {
    expect(seen.get(name) ?? 0, `seed ${seed}: ${name}`).toBeGreaterThan(5);
  }
}, 60_000);

test('an answer to a page that was left does not decide a request that was sent again since', async () => {
  const world = new World();
  world.open();
  const [tab] = world.tabs as [Tab];
  await world.press(tab);
  world.leave(tab);
  world.show(tab);
  await world.press(tab);
  const [first, second] = world.sent as [Sent, Sent];
  await world.answer(first, 'forbidden');
  await take(world, { kind: 'reload', index: 0 });
  world.check();
  expect(tab.form?.getSituation().state.kind).toBe('undecided');
  await world.answer(second, 'executed');
  world.check();
  await world.finish();
  expect(tab.form?.getSituation().state.kind).toBe('posted');
});

test('a request that has the key of a duplicate of the tab keeps it, also after the browser has lost it', async () => {
  const world = new World();
  world.open();
  const [tab] = world.tabs as [Tab];
  world.duplicate(tab);
  const copy = world.tabs.at(-1) as Tab;
  await world.press(tab);
  await world.press(copy);
  for (const request of [...world.sent]) await world.answer(request, 'executed, and the answer is lost');
  world.loseKeys();
  await world.press(copy);
  await world.press(tab);
  expect(new Set(world.sent.map(({ key }) => key)).size).toBe(1);
  await world.finish();
  world.check();
});

test('a request without an outcome is repeated although a duplicate of the tab has sent other values under its intent', async () => {
  const world = new World();
  world.open();
  const [tab] = world.tabs as [Tab];
  world.duplicate(tab);
  const copy = world.tabs.at(-1) as Tab;
  await world.press(tab);
  await world.answer(world.sent[0] as Sent, 'executed, and the answer is lost');
  world.loseKeys();
  world.type(copy, '2');
  await world.press(copy);
  await world.press(tab);
  const [first, , again] = world.sent as [Sent, Sent, Sent];
  expect([again.key, again.amount]).toEqual([first.key, 1]);
  await world.finish();
  expect(world.tabs.map(({ form }) => form?.getSituation().state.kind)).toEqual(['posted', 'posted']);
});
