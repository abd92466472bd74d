import { randomInt } from 'node:crypto';
import { RateLimiterMemory } from 'rate-limiter-flexible';
import { afterEach, expect, test, vi } from 'vitest';
import { Choices } from '../../../scripts/fuzz/choices.ts';
import { TokenBucket } from '../../../src/server/access/token-bucket.ts';

afterEach(() => {
  vi.useRealTimers();
});

test('one second’s worth passes at once, and then as much as the rate gives', () => {
  const bucket = new TokenBucket(100, 0);
  expect(bucket.take(60, 0)).toBe(0);
  expect(bucket.take(40, 0)).toBe(0);
  expect(bucket.take(1, 0)).toBe(10);
  expect(bucket.take(1, 9)).toBe(1);
  expect(bucket.take(1, 10)).toBe(0);
  expect(bucket.take(50, 10)).toBe(500);
  expect(bucket.take(50, 510)).toBe(0);
  // It never holds more than one second's worth.
  expect(bucket.take(100, 100_000)).toBe(0);
  expect(bucket.take(1, 100_000)).toBe(10);
});

test('an amount that does not pass takes nothing', () => {
  const bucket = new TokenBucket(100, 0);
  bucket.take(50, 0);
  for (let times = 0; times < 100; times += 1) expect(bucket.take(51, 0)).toBe(10);
  expect(bucket.take(50, 0)).toBe(0);
});

test('an amount above one second’s worth passes a full bucket and leaves a debt', () => {
  const bucket = new TokenBucket(100, 0);
  bucket.take(1, 0);
  expect(bucket.take(1000, 0)).toBe(10);
  expect(bucket.take(1000, 10)).toBe(0);
  expect(bucket.take(1, 10)).toBe(9010);
  expect(bucket.take(1, 9010)).toBe(10);
  expect(bucket.take(1, 9020)).toBe(0);
});

test('a part that was paid before is not taken again', () => {
  const bucket = new TokenBucket(10, 0);
  bucket.take(1, 0);
  expect(bucket.take(10, 0, 1)).toBe(0);
  expect(bucket.take(1, 0)).toBe(100);
  const large = new TokenBucket(10, 0);
  large.take(1, 0);
  expect(large.take(30, 0, 1)).toBe(0);
  expect(large.take(1, 0)).toBe(2100);
});

test.each([1, 3, 7, 1000, 30_000_000])(
  'at %i per second, an amount passes after the time that its refusal names',
  (rate) => {
    const seed = randomInt(2 ** 31);
    const choices = new Choices(seed);
    const bucket = new TokenBucket(rate, 0);
    let now = 0;
    for (let times = 0; times < 200; times += 1) {
      const amount = 1 + choices.number(2 * rate);
      const waitMs = bucket.take(amount, now);
      if (waitMs > 0) {
        if (waitMs > 2) expect(bucket.take(amount, now + waitMs - 1.01), `seed ${seed}`).toBeGreaterThan(0);
        now += waitMs;
        expect(bucket.take(amount, now), `seed ${seed}`).toBe(0);
      }
      now += choices.number(300_000) / 1000;
    }
  },
);

/** Computes from all amounts that have passed what the next may be, in exact fractions of a token. */
class PlainLimit {
  readonly #rate: bigint;
  readonly #passed: { readonly amount: bigint; readonly at: bigint }[] = [];

  constructor(rate: number) {
    this.#rate = BigInt(rate);
  }

  take(amount: number, now: number): boolean {
    // In thousandths of a token: each millisecond adds the rate.
    const full = this.#rate * 1000n;
    let [level, at] = [full, 0n];
    const levelAt = (time: bigint) => {
      const refilled = level + (time - at) * this.#rate;
      return refilled < full ? refilled : full;
    };
    for (const each of this.#passed) {
      level = levelAt(each.at) - each.amount * 1000n;
      at = each.at;
    }
    const wanted = BigInt(amount) * 1000n;
    if (levelAt(BigInt(now)) < (wanted < full ? wanted : full)) return false;
    this.#passed.push({ amount: BigInt(amount), at: BigInt(now) });
    return true;
  }
}

test('the bucket decides like a limit that adds up everything from the beginning', () => {
  const seed = randomInt(2 ** 31);
  const choices = new Choices(seed);
  let passed = 0;
  for (let round = 0; round < 20; round += 1) {
    const rate = 125 * 2 ** choices.number(12);
    const [bucket, plain] = [new TokenBucket(rate, 0), new PlainLimit(rate)];
    let now = 0;
    for (let times = 0; times < 100; times += 1) {
      now += choices.number(400);
      const amount = 1 + choices.number(choices.pick(1, 10, rate, 2 * rate));
      const waitMs = bucket.take(amount, now);
      expect(waitMs === 0, `seed ${seed}`).toBe(plain.take(amount, now));
      if (waitMs === 0) passed += 1;
    }
  }
  expect(passed).toBeGreaterThan(200);
});

test('within each second that begins full, the bucket decides like rate-limiter-flexible', async () => {
  const seed = randomInt(2 ** 31);
  const choices = new Choices(seed);
  vi.useFakeTimers({ now: 0, toFake: ['Date', 'setTimeout', 'clearTimeout'] });
  const rate = 100;
  const library = new RateLimiterMemory({ points: rate, duration: 1 });
  const bucket = new TokenBucket(rate, Date.now());
  const decisions = { passed: 0, refused: 0 };
  for (let round = 0; round < 50; round += 1) {
    for (let times = 0; times < 12; times += 1) {
      const amount = 1 + choices.number(30);
      const isAllowed = await library.consume('key', amount).then(
        () => true,
        // The library counts refused amounts too.
        async () => {
          await library.reward('key', amount);
          return false;
        },
      );
      expect(bucket.take(amount, Date.now()) === 0, `seed ${seed}`).toBe(isAllowed);
      decisions[isAllowed ? 'passed' : 'refused'] += 1;
    }
    // Both are full again.
    vi.advanceTimersByTime(1000 + choices.number(1000));
  }
  expect(Math.min(decisions.passed, decisions.refused)).toBeGreaterThan(25);
});
