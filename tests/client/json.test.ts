import fc from 'fast-check';
import { expect, test } from 'vitest';
import { parseJson } from '../../src/client/json.ts';
import { parseJson as parseInService } from '../../src/core/json.ts';

test('every value is read from what JSON.stringify writes of it, whatever was read before', () => {
  const seed = Number(process.env['SEED'] ?? Math.floor(Math.random() * 2 ** 31));
  console.log(`SEED=${seed}`);
  const name = fc.oneof(
    fc.constantFrom(
      '\\',
      '"',
      '\n',
      '\t',
      '\\"',
      '\\\\',
      '":',
      '\ue000',
      '\ue0000',
      '\ue0001',
      '__proto__',
      'a',
    ),
    fc.string({ unit: 'binary', maxLength: 3 }),
  );
  const value = fc.dictionary(name, fc.oneof(name, fc.array(name), fc.dictionary(name, name)));
  fc.assert(
    fc.property(value, (value) => {
      const text = JSON.stringify({ order: '42', ...value });
      expect(parseJson(text)).toEqual(parseInService(text));
      expect(JSON.stringify(parseJson(text))).toBe(text);
    }),
    { seed, numRuns: 2000 },
  );
});

test('what is not JSON throws', () => {
  for (const text of ['', '{', '{"\\n":}', '{"\\x":1}', '{"\\n" 1}', '["\\n":1]', '"']) {
    expect(() => parseJson(text)).toThrow(SyntaxError);
  }
});
