import type { ReactNode } from 'react';

export type Tone = 'good' | 'bad' | 'warning' | 'info' | 'neutral';

interface NoticeProps {
  readonly tone: Tone;
  readonly title: ReactNode;
  readonly children?: ReactNode;
  /** Buttons. */
  readonly actions?: ReactNode;
}

/** A message in the page. A screen reader reads a bad one at once, and the others when it is idle. */
export function Notice({ tone, title, children, actions }: NoticeProps) {
  return (
    <div className={`notice ${tone}`} role={tone === 'bad' ? 'alert' : 'status'}>
      <p className="notice-title">{title}</p>
      {children === undefined ? null : <div className="notice-text">{children}</div>}
      {actions === undefined ? null : <div className="row">{actions}</div>}
    </div>
  );
}
