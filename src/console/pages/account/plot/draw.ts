import 'uplot/dist/uPlot.min.css';
import UPlot from 'uplot';
import { amountLabels, type BalancePlot, dateLabels } from './balance-plot.ts';

const HEIGHT = 220;
const LETTER_WIDTH = 7;
const NARROW = 420;

/**
 * Draws balances as steps into an element, in the colours of the page. `onPoint` receives the place of the entry that the pointer is at,
 * and null where it left the plot. Returns a function that removes the plot.
 */
export function draw(
  host: HTMLElement,
  plot: BalancePlot,
  onPoint: (place: number | null) => void,
): () => void {
  const [ink, grid, line, area] = ['--ink-quiet', '--line', '--accent', '--accent-soft'].map((token) =>
    colourOf(host, token),
  ) as [string, string, string, string];
  const font = `12px ${getComputedStyle(host).fontFamily}`;
  const axis: UPlot.Axis = {
    stroke: ink,
    font,
    labelFont: font,
    labelSize: 18,
    grid: { stroke: grid, width: 1 },
    ticks: { stroke: grid, width: 1 },
  };
  const isByDate = plot.axis === 'date';
  const made = new UPlot(
    {
      width: widthOf(host),
      height: HEIGHT,
      legend: { show: false },
      // The last label of the axis is wider than its place.
      padding: [null, 28, null, null],
      cursor: { y: false, drag: { x: false, y: false } },
      scales: { x: { time: isByDate }, y: { range: (_, lowest, highest) => rangeOf(lowest, highest) } },
      axes: [
        {
          ...axis,
          label: isByDate ? 'Effective date' : 'Number of the entry',
          size: 30,
          space: host.clientWidth < NARROW ? 64 : 88,
          ...(isByDate
            ? { values: (_, seconds, _axis, _space, increment) => dateLabels(seconds, increment) }
            : { values: (_, numbers) => amountLabels(numbers), incrs: [1, 2, 5, 10, 20, 50] }),
        },
        {
          ...axis,
          values: (_, heights) => amountLabels(heights),
          size: (_, labels) => 16 + LETTER_WIDTH * Math.max(1, ...(labels ?? []).map((text) => text.length)),
        },
      ],
      series: [
        {},
        {
          stroke: line,
          fill: area,
          width: 2,
          points: { show: false },
          ...(UPlot.paths.stepped === undefined ? {} : { paths: UPlot.paths.stepped({ align: 1 }) }),
        },
      ],
      hooks: { setCursor: [({ cursor }) => onPoint(cursor.idx ?? null)] },
    },
    [[...plot.xs], [...plot.ys]],
    host,
  );
  const observer = new ResizeObserver(() => made.setSize({ width: widthOf(host), height: HEIGHT }));
  observer.observe(host);
  return () => {
    observer.disconnect();
    made.destroy();
  };
}

function widthOf(host: HTMLElement): number {
  return Math.max(host.clientWidth, 120);
}

/** Zero is part of the picture, so that heights can be compared. */
function rangeOf(lowest: number, highest: number): [number, number] {
  const [bottom, top] = [Math.min(lowest, 0), Math.max(highest, 0)];
  if (bottom === top) return [0, 1];
  const room = (top - bottom) * 0.06;
  return [bottom === 0 ? 0 : bottom - room, top === 0 ? 0 : top + room];
}

/** Returns a token's colour in the present scheme. A canvas cannot read light-dark(). */
function colourOf(host: HTMLElement, token: string): string {
  const probe = document.createElement('span');
  probe.style.color = `var(${token})`;
  host.append(probe);
  const { color } = getComputedStyle(probe);
  probe.remove();
  return color;
}
