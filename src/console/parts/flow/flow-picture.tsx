import './flow.css';
import { type ReactNode, useLayoutEffect, useRef, useState } from 'react';
import { Link } from 'wouter';
import { formatMoney } from '../../data/amounts.ts';
import { pathTo } from '../../data/place.ts';
import { nameOf } from '../../kit/values/names.ts';
import type { Flow } from './flow.ts';
import { type Box, layOutTall, layOutWide } from './layout.ts';

interface FlowPictureProps {
  readonly flow: Flow;
  /** The subject of the picture, for screen readers. */
  readonly label: string;
}

/** Below this width boxes are drawn above each other. */
const WIDE = 560;

/** A flow as a picture: boxes for the accounts, and arrows from those that pay to those that receive, with the amounts. */
export function FlowPicture({ flow, label }: FlowPictureProps) {
  const [frame, width] = useWidth();
  const picture = width < WIDE ? layOutTall(flow) : layOutWide(flow);
  const isPending = flow.kind !== 'posted';
  return (
    <div ref={frame} className="flow-picture">
      {width === 0 ? null : (
        // biome-ignore lint/a11y/useSemanticElements: a picture with links in it is a group; a fieldset is for controls
        <svg
          role="group"
          aria-label={label}
          viewBox={`-3 -3 ${picture.width + 6} ${picture.height + 6}`}
          width={picture.width + 6}
          className={isPending ? 'flow-drawing pending' : 'flow-drawing'}
        >
          {picture.lines.map((path) => (
            <path key={path} d={path} className="flow-line" />
          ))}
          {picture.arrows.map((path) => (
            <path key={path} d={path} className="flow-arrow" />
          ))}
          {picture.node === null ? null : (
            <circle cx={picture.node.x} cy={picture.node.y} r="6" className="flow-node" />
          )}
          {picture.boxes.map((box) => (
            <PartyBox key={box.key} box={box} afterName={isPending ? 'Held after' : 'Balance after'} />
          ))}
          {picture.labels.map(({ key, x, y, anchor, money }) => (
            <text key={key} x={x} y={y} textAnchor={anchor} className="flow-amount">
              {formatMoney(money)}
            </text>
          ))}
        </svg>
      )}
    </div>
  );
}

function PartyBox({ box, afterName }: { readonly box: Box; readonly afterName: string }) {
  const { x, y, width, height, leg } = box;
  const { party, after } = leg;
  const letters = Math.floor((width - 24) / 7.8);
  const isExternal = party?.kind === 'EXTERNAL';
  const content = (
    <>
      <rect x={x} y={y} width={width} height={height} rx="8" className="flow-box" />
      <TextLine x={x} y={y + 22} className="flow-owner">
        {shorten(party === null ? 'Other accounts' : isExternal ? nameOf(party) : party.owner, letters)}
      </TextLine>
      <TextLine x={x} y={y + 41} className="flow-small">
        {shorten(subtitleOf(party), letters + 3)}
      </TextLine>
      {after === null ? null : (
        <TextLine x={x} y={y + 60} className="flow-small">
          {`${afterName} ${formatMoney(after)}`}
        </TextLine>
      )}
    </>
  );
  if (party === null) return <g>{content}</g>;
  return (
    <Link href={pathTo.account(party.accountId)} className="flow-link">
      <title>{nameOf(party)}</title>
      {content}
    </Link>
  );
}

interface TextLineProps {
  readonly x: number;
  readonly y: number;
  readonly className: string;
  readonly children: ReactNode;
}

function TextLine({ x, y, className, children }: TextLineProps) {
  return (
    <text x={x + 12} y={y} className={className}>
      {children}
    </text>
  );
}

function subtitleOf(party: Box['leg']['party']): string {
  if (party === null) return 'of other owners';
  if (party.kind === 'EXTERNAL') return 'beyond the ledger';
  return party.externalId ?? party.currency;
}

/** Text of a picture does not wrap: the full name is in the tooltip and in the table. */
function shorten(text: string, letters: number): string {
  const all = [...text];
  return all.length <= letters ? text : `${all.slice(0, letters - 1).join('')}…`;
}

/** Returns the width of an element, which changes with the window; 0 until it is known. */
function useWidth() {
  const frame = useRef<HTMLDivElement>(null);
  const [width, setWidth] = useState(0);
  useLayoutEffect(() => {
    const element = frame.current;
    if (element === null) return;
    setWidth(element.clientWidth);
    const observer = new ResizeObserver(() => setWidth(element.clientWidth));
    observer.observe(element);
    return () => observer.disconnect();
  }, []);
  return [frame, width] as const;
}
