import { ANSWER_TYPES, type AnswerType } from '../../graphql/execution/answer.ts';

/** A media type in lower case, and its parameters: names in lower case, values without quotes. */
interface MediaType {
  readonly type: string;
  readonly parameters: ReadonlyMap<string, string>;
}

function parseMediaType(text: string): MediaType {
  const [type = '', ...parameters] = text.split(';');
  return {
    type: type.trim().toLowerCase(),
    parameters: new Map(
      parameters.map((parameter): [string, string] => {
        const [name = '', value = ''] = parameter.split('=', 2);
        return [name.trim().toLowerCase(), value.trim().replace(/^"(.*)"$/, '$1')];
      }),
    ),
  };
}

/** Whether a content-type is that of JSON in UTF-8. No other body is read: a page of another site may send those unasked. */
export function isJson(contentType: string | undefined): boolean {
  if (contentType === 'application/json') return true;
  const { type, parameters } = parseMediaType(contentType ?? '');
  return type === 'application/json' && isUtf8(parameters);
}

function isUtf8(parameters: ReadonlyMap<string, string>): boolean {
  return (parameters.get('charset') ?? 'utf-8').toLowerCase() === 'utf-8';
}

/**
 * The type that an Accept header likes best, by RFC 9110: of what it likes as well, what it names first. Undefined: it takes
 * none. Who says nothing, or takes anything, gets application/json.
 */
export function chooseAnswerType(accept: string | undefined): AnswerType | undefined {
  if (accept === undefined || accept === '*/*' || accept === 'application/json') return 'application/json';
  const given = accept.split(',').filter((range) => range.trim() !== '');
  if (given.length === 0) return 'application/json';
  const ranges = given.map(parseMediaType).filter(({ parameters }) => isUtf8(parameters));
  let best: { type: AnswerType; quality: number; place: number } | undefined;
  for (const type of ANSWER_TYPES) {
    // The range that says most about a type decides, not the one that likes it best.
    const places = [type, 'application/*', '*/*'].map((name) =>
      ranges.findIndex((range) => range.type === name),
    );
    const place = places.find((found) => found >= 0);
    const quality = place === undefined ? 0 : qualityOf(ranges[place]);
    if (place === undefined || quality === 0) continue;
    const isBetter =
      best === undefined || quality > best.quality || (quality === best.quality && place < best.place);
    if (isBetter) best = { type, quality, place };
  }
  return best?.type;
}

function qualityOf(range: MediaType | undefined): number {
  const given = range?.parameters.get('q') ?? '1';
  return /^(0(\.\d{0,3})?|1(\.0{0,3})?)$/.test(given) ? Number(given) : 0;
}
