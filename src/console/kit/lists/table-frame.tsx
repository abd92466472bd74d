import { type ReactNode, useEffect, useRef, useState } from 'react';

interface TableFrameProps {
  /** Names the region that scrolls. */
  readonly label: string;
  readonly children: ReactNode;
}

/** A frame in which a table scrolls sideways where it is wider. Only then keys can scroll it, and its edges have a shadow. */
export function TableFrame({ label, children }: TableFrameProps) {
  const frame = useRef<HTMLDivElement>(null);
  const [isWide, setWide] = useState(false);
  useEffect(() => {
    const { current } = frame;
    if (current?.firstElementChild == null) return;
    const observer = new ResizeObserver(() => setWide(current.scrollWidth > current.clientWidth));
    observer.observe(current);
    observer.observe(current.firstElementChild);
    return () => observer.disconnect();
  }, []);
  const region = isWide ? { role: 'region', tabIndex: 0, 'aria-label': label } : {};
  return (
    <div className="table-frame" ref={frame} {...region}>
      {children}
    </div>
  );
}
