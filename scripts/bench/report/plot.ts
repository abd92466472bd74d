import { HTTP, LIMIT } from './comparisons.ts';
import type { Figures, Row } from './figures.ts';

/** The parts of the bench's JSON that the plot needs. */
export interface Report {
  readonly startedAt: string;
  readonly machine: { readonly cores: number; readonly cpu: string };
  readonly figures: ReturnType<Figures['list']>;
  readonly rows: readonly Row[];
}

/** The bars of the plot, from top to bottom. */
const BARS = [
  { figure: LIMIT, label: 'PostgreSQL’s own bulk limit, one backend', kind: 'limit' },
  { figure: 'engine, uniform', label: 'Ledger in process, 1,000 callers', kind: 'ledger' },
  { figure: 'postBatch of 1000', label: 'postBatch of 1,000 over HTTP', kind: 'ledger' },
  { figure: 'client, 1000 callers', label: 'SDK, 1,000 callers share requests', kind: 'ledger' },
  { figure: `${HTTP}, uniform`, label: 'HTTP, one transfer per request', kind: 'ledger' },
] as const;

const WIDTH = 760;
const BAR_LEFT = 270;
const BAR_WIDTH = 380;
const BAR_HEIGHT = 22;
const ROW_HEIGHT = 34;
const TOP = 62;
const HEIGHT = TOP + BARS.length * ROW_HEIGHT + 38;

/** Colours for light and dark pages. */
const STYLE = `
  text { font: 13px system-ui, sans-serif; fill: #1f2328 }
  .title { font-size: 15px; font-weight: 600 }
  .note { font-size: 12px; fill: #59636e }
  .limit { fill: #afb8c1 }
  .ledger { fill: #0969da }
  .range { stroke: #1f2328; stroke-width: 1.5 }
  @media (prefers-color-scheme: dark) {
    text { fill: #f0f6fc }
    .note { fill: #9198a1 }
    .limit { fill: #656c76 }
    .ledger { fill: #4493f8 }
    .range { stroke: #f0f6fc }
  }
`;

/** Returns the throughput of a report as an SVG image: one bar per stage, with its share of the bulk limit. */
export function plot({ startedAt, machine, figures }: Report): string {
  const found = BARS.map((bar) => {
    const figure = figures.find(({ name }) => name === bar.figure);
    if (figure === undefined) throw new Error(`the report has no figure "${bar.figure}"; run all stages`);
    return { ...bar, ...figure };
  });
  const most = Math.max(...found.map(({ max }) => max));
  const limit = found.find(({ figure }) => figure === LIMIT)?.median ?? Number.NaN;
  const x = (perSecond: number) => round(BAR_LEFT + (perSecond / most) * BAR_WIDTH);
  const rows = found.map(({ label, kind, median, min, max }, row) => {
    const top = TOP + row * ROW_HEIGHT;
    const middle = top + BAR_HEIGHT / 2;
    const share = kind === 'limit' ? '' : ` (${((median / limit) * 100).toFixed(0)} %)`;
    return [
      text(BAR_LEFT - 10, middle + 4, label, 'end'),
      `<rect class="${kind}" x="${BAR_LEFT}" y="${top}" width="${round(x(median) - BAR_LEFT)}" height="${BAR_HEIGHT}" rx="2"/>`,
      min === max ? '' : `<path class="range" d="M${x(min)} ${middle}H${x(max)}"/>`,
      text(x(max) + 8, middle + 4, `${Math.round(median).toLocaleString('en-US')}${share}`),
    ].join('');
  });
  const note = `${machine.cores} cores (${machine.cpu}) for load, service and database together; ${startedAt.slice(0, 10)}`;
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${HEIGHT}" width="${WIDTH}" height="${HEIGHT}" role="img" aria-labelledby="title">
<title id="title">Durable transfers per second</title>
<style>${STYLE}</style>
${text(10, 22, 'Durable transfers per second', 'start', 'title')}
${text(10, 42, 'Between any of 10,000 accounts; in brackets: share of the bulk limit; line: range of the rounds', 'start', 'note')}
${rows.join('\n')}
${text(10, HEIGHT - 12, note, 'start', 'note')}
</svg>
`;
}

function text(x: number, y: number, content: string, anchor = 'start', kind = ''): string {
  const name = kind === '' ? '' : ` class="${kind}"`;
  return `<text${name} x="${x}" y="${y}" text-anchor="${anchor}">${escapeXml(content)}</text>`;
}

function escapeXml(content: string): string {
  return content.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}

function round(value: number): number {
  return Math.round(value * 10) / 10;
}
