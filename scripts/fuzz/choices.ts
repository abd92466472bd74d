import fc from 'fast-check';

/** Random choices, determined by the seed. */
export class Choices {
  readonly #numbers: Iterator<number>;

  constructor(seed: number) {
    const [numbers] = fc.sample(fc.infiniteStream(fc.noBias(fc.nat()), { noHistory: true }), {
      seed,
      numRuns: 1,
    });
    if (numbers === undefined) throw new TypeError('fast-check returned no sample');
    this.#numbers = numbers;
  }

  /** Returns a number from 0 to `below` - 1. */
  number(below: number): number {
    return this.#numbers.next().value % below;
  }

  chance(percent: number): boolean {
    return this.number(100) < percent;
  }

  pick<T>(...choices: readonly [T, ...T[]]): T {
    return choices[this.number(choices.length)] ?? choices[0];
  }

  pickFrom<T>(choices: readonly T[]): T {
    const [first, ...rest] = choices;
    if (first === undefined) throw new TypeError('the list of choices is empty');
    return this.pick(first, ...rest);
  }

  times<T>(count: number, make: () => T): T[] {
    return Array.from({ length: count }, make);
  }
}
