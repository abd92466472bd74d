import { MIMEType } from 'node:util';
import { ANSWER_TYPES, type AnswerType } from '../../graphql/execution/answer.ts';

/** Returns whether a content-type is that of JSON in UTF-8, the only type of body that pages of other sites cannot send. */
export function isJson(contentType: string | undefined): boolean {
  if (contentType === 'application/json') return true;
  const type = parseMediaType(contentType ?? '');
  return type?.essence === 'application/json' && isUtf8(type);
}

function parseMediaType(text: string): MIMEType | undefined {
  try {
    return new MIMEType(text.trim());
  } catch {
    return undefined;
  }
}

function isUtf8({ params }: MIMEType): boolean {
  return (params.get('charset') ?? 'utf-8').toLowerCase() === 'utf-8';
}

/**
 * Returns the type that an Accept header prefers by RFC 9110, the first of equal ones; undefined if it accepts none. A header
 * that is absent, or accepts any type, means application/json.
 */
export function chooseAnswerType(accept: string | undefined): AnswerType | undefined {
  if (accept === undefined || accept === '*/*' || accept === 'application/json') return 'application/json';
  const given = accept.split(',').filter((range) => range.trim() !== '');
  if (given.length === 0) return 'application/json';
  const ranges = given.flatMap((range) => parseMediaType(range) ?? []).filter(isUtf8);
  let best: { type: AnswerType; quality: number; place: number } | undefined;
  for (const type of ANSWER_TYPES) {
    // The most specific range decides, whatever its quality.
    const places = [type, 'application/*', '*/*'].map((name) =>
      ranges.findIndex(({ essence }) => essence === name),
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

function qualityOf(range: MIMEType | undefined): number {
  const given = range?.params.get('q') ?? '1';
  return /^(0(\.\d{0,3})?|1(\.0{0,3})?)$/.test(given) ? Number(given) : 0;
}
