import type { ReactNode } from 'react';
import { Link } from 'wouter';

export type ButtonKind = 'primary' | 'plain' | 'danger' | 'quiet';

interface ButtonProps {
  readonly children: ReactNode;
  readonly kind?: ButtonKind;
  readonly type?: 'button' | 'submit';
  readonly size?: 'small' | 'normal';
  /** The action runs. The button keeps its place and its focus, and ignores further presses. */
  readonly isBusy?: boolean;
  readonly isDisabled?: boolean;
  /** The button shows and hides a part of the page, which is shown or not. */
  readonly isExpanded?: boolean;
  readonly label?: string | undefined;
  readonly onPress?: () => void;
}

export function Button({
  children,
  kind = 'plain',
  type = 'button',
  size = 'normal',
  isBusy = false,
  isDisabled = false,
  isExpanded,
  label,
  onPress,
}: ButtonProps) {
  return (
    <button
      type={type}
      className={`button ${kind} ${size}`}
      aria-label={label}
      aria-expanded={isExpanded}
      aria-busy={isBusy || undefined}
      // A disabled button would lose the focus.
      aria-disabled={isBusy || isDisabled || undefined}
      onClick={(event) => {
        if (isBusy || isDisabled) event.preventDefault();
        else onPress?.();
      }}
    >
      {children}
    </button>
  );
}

interface ButtonLinkProps {
  readonly to: string;
  readonly children: ReactNode;
  readonly kind?: ButtonKind;
  readonly size?: 'small' | 'normal';
}

/** A link to another page that looks like a button. */
export function ButtonLink({ to, children, kind = 'plain', size = 'normal' }: ButtonLinkProps) {
  return (
    <Link href={to} className={`button ${kind} ${size}`}>
      {children}
    </Link>
  );
}
