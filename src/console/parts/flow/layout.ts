/** Where the parts of a picture of a flow are: boxes for accounts, and lines with arrowheads and amounts between them. */
import type { Flow, Leg } from './flow.ts';

export interface Box {
  readonly key: string;
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
  readonly leg: Leg;
}

export interface Label {
  readonly key: string;
  readonly x: number;
  readonly y: number;
  readonly anchor: 'start' | 'middle';
  readonly money: Leg['money'];
}

export interface Picture {
  readonly width: number;
  readonly height: number;
  readonly boxes: readonly Box[];
  /** Paths of lines. */
  readonly lines: readonly string[];
  /** Paths of arrowheads. */
  readonly arrows: readonly string[];
  readonly labels: readonly Label[];
  /** Where several payers and several receivers meet: nothing says who of them paid whom. */
  readonly node: { readonly x: number; readonly y: number } | null;
}

const BOX_WIDTH = 220;
/** A box has two lines of text, and a third one where it shows what the account has afterwards. */
const BOX_HEIGHTS = { two: 54, three: 72 } as const;
const SPACE = 16;
/** The straight part of a line, which carries an amount, and the curved one. */
const STRAIGHT = 150;
const BEND = 64;
const HEAD = 9;

/** Lays a flow out from left to right. */
export function layOutWide({ from, to }: Flow): Picture {
  const box = { width: BOX_WIDTH, height: boxHeight([...from, ...to]) };
  const rows = Math.max(from.length, to.length);
  const height = rows * box.height + (rows - 1) * SPACE;
  const isSingle = from.length === 1 && to.length === 1;
  const meets = from.length > 1 && to.length > 1;
  const gap = isSingle ? STRAIGHT + BEND : meets ? 2 * (STRAIGHT + BEND) : STRAIGHT + BEND;
  const right = BOX_WIDTH + gap;
  const center = height / 2;
  const tops = (count: number) => {
    const used = count * box.height + (count - 1) * SPACE;
    return Array.from({ length: count }, (_, row) => (height - used) / 2 + row * (box.height + SPACE));
  };
  const boxesOf = (legs: readonly Leg[], x: number, side: string): Box[] =>
    tops(legs.length).flatMap((y, row) => {
      const leg = legs[row];
      return leg === undefined ? [] : [{ key: `${side} ${row}`, x, y, ...box, leg }];
    });
  const payers = boxesOf(from, 0, 'from');
  const receivers = boxesOf(to, right, 'to');
  const middle = ({ y, height: own }: Box) => y + own / 2;
  const labelAt = (at: Box, x: number): Label => ({
    key: at.key,
    x,
    y: middle(at) - 8,
    anchor: 'middle',
    money: at.leg.money,
  });

  const frame = { width: right + BOX_WIDTH, height, boxes: [...payers, ...receivers] };
  const arrowAt = (box: Box) => arrowRight(box.x, middle(box));
  if (isSingle) {
    return {
      ...frame,
      lines: [`M${BOX_WIDTH} ${center}H${right - 2}`],
      arrows: receivers.map(arrowAt),
      labels: receivers.map((box) => labelAt(box, BOX_WIDTH + gap / 2)),
      node: null,
    };
  }
  // A curve from the box of the single side, or from the node, to the straight part of the other side.
  const outOf = (x: number) => (box: Box) =>
    `M${x} ${center}C${x + BEND / 2} ${center} ${x + BEND / 2} ${middle(box)} ${x + BEND} ${middle(box)}H${box.x - 2}`;
  const into = (x: number) => (box: Box) =>
    `M${BOX_WIDTH} ${middle(box)}H${x - BEND}C${x - BEND / 2} ${middle(box)} ${x - BEND / 2} ${center} ${x} ${center}`;
  if (meets) {
    const x = BOX_WIDTH + STRAIGHT + BEND;
    return {
      ...frame,
      lines: [...payers.map(into(x)), ...receivers.map(outOf(x))],
      arrows: receivers.map(arrowAt),
      labels: [
        ...payers.map((box) => labelAt(box, BOX_WIDTH + STRAIGHT / 2)),
        ...receivers.map((box) => labelAt(box, right - STRAIGHT / 2)),
      ],
      node: { x, y: center },
    };
  }
  if (from.length === 1) {
    return {
      ...frame,
      lines: receivers.map(outOf(BOX_WIDTH)),
      arrows: receivers.map(arrowAt),
      labels: receivers.map((box) => labelAt(box, right - STRAIGHT / 2)),
      node: null,
    };
  }
  return {
    ...frame,
    lines: payers.map(into(right - 2)),
    arrows: receivers.map(arrowAt),
    labels: payers.map((box) => labelAt(box, BOX_WIDTH + STRAIGHT / 2)),
    node: null,
  };
}

const NARROW = 320;
/** Where the vertical line is that the others branch from, and where the boxes on its branches begin. */
const TRUNK = 20;
const INDENT = 48;
const LABEL = 26;
const STEP = 44;

/** Lays a flow out from top to bottom, for a screen that is narrow. */
export function layOutTall({ from, to }: Flow): Picture {
  const height = boxHeight([...from, ...to]);
  const boxes: Box[] = [];
  const lines: string[] = [];
  const arrows: string[] = [];
  const labels: Label[] = [];
  let y = 0;
  const place = (leg: Leg, key: string, x: number) => {
    const box = { key, x, y, width: NARROW - x, height, leg };
    boxes.push(box);
    y += height;
    return box;
  };
  const branch = (leg: Leg, key: string) => {
    labels.push({ key, x: INDENT, y: y + 17, anchor: 'start', money: leg.money });
    y += LABEL;
    const box = place(leg, key, INDENT);
    y += SPACE / 2;
    return box.y + box.height / 2;
  };

  const [payer, ...morePayers] = from;
  const [receiver, ...moreReceivers] = to;
  let top = 0;
  if (payer !== undefined && morePayers.length === 0) {
    place(payer, 'from 0', 0);
    top = y;
  } else {
    const branches = from.map((leg, row) => branch(leg, `from ${row}`));
    lines.push(...branches.map((middle) => `M${INDENT} ${middle}H${TRUNK}`));
    top = branches[0] ?? 0;
  }
  let node: Picture['node'] = null;
  if (from.length > 1 && to.length > 1) {
    y += SPACE;
    node = { x: TRUNK, y };
    y += SPACE / 2;
  }
  if (receiver !== undefined && moreReceivers.length === 0) {
    if (from.length === 1) {
      labels.push({
        key: 'to 0',
        x: TRUNK + 14,
        y: y + STEP / 2 + 3,
        anchor: 'start',
        money: receiver.money,
      });
      y += STEP;
    } else y += STEP / 2;
    lines.push(`M${TRUNK} ${top}V${y - 2}`);
    arrows.push(`M${TRUNK - 5} ${y - HEAD}L${TRUNK} ${y}L${TRUNK + 5} ${y - HEAD}Z`);
    place(receiver, 'to 0', 0);
  } else {
    y += SPACE / 2;
    const branches = to.map((leg, row) => branch(leg, `to ${row}`));
    lines.push(`M${TRUNK} ${top}V${branches.at(-1) ?? top}`);
    lines.push(...branches.map((middle) => `M${TRUNK} ${middle}H${INDENT - 2}`));
    arrows.push(...branches.map((middle) => arrowRight(INDENT, middle)));
  }
  return { width: NARROW, height: y, boxes, lines, arrows, labels, node };
}

function boxHeight(legs: readonly Leg[]): number {
  return legs.every(({ after }) => after === null) ? BOX_HEIGHTS.two : BOX_HEIGHTS.three;
}

function arrowRight(x: number, y: number): string {
  return `M${x - HEAD} ${y - 5}L${x} ${y}L${x - HEAD} ${y + 5}Z`;
}
