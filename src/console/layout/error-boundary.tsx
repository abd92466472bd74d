import { Component, type ErrorInfo, type ReactNode } from 'react';
import { Button } from '../kit/button.tsx';
import { Notice } from '../kit/notice.tsx';

interface ErrorBoundaryProps {
  readonly children: ReactNode;
}

interface ErrorBoundaryState {
  readonly error: unknown;
  readonly hasFailed: boolean;
}

/** Shows a page that failed to render as an error with its text. The parts around it stay. Give it another key to try another page. */
export class ErrorBoundary extends Component<ErrorBoundaryProps, ErrorBoundaryState> {
  override state: ErrorBoundaryState = { error: undefined, hasFailed: false };

  static getDerivedStateFromError(error: unknown): ErrorBoundaryState {
    return { error, hasFailed: true };
  }

  override componentDidCatch(error: unknown, { componentStack }: ErrorInfo): void {
    document.title = 'Error · Ledger';
    console.error('A page failed to render.', error, componentStack);
  }

  override render(): ReactNode {
    const { error, hasFailed } = this.state;
    if (!hasFailed) return this.props.children;
    return (
      <>
        <h1 tabIndex={-1}>This page has an error</h1>
        <Notice
          tone="bad"
          title="The page cannot be shown."
          actions={<Button onPress={() => location.reload()}>Reload</Button>}
        >
          <p>
            Reload the page. A payment that was sent is executed once at most. If the error stays, report its
            text.
          </p>
          <details>
            <summary>Details</summary>
            <p className="details">{error instanceof Error ? error.message : String(error)}</p>
          </details>
        </Notice>
      </>
    );
  }
}
