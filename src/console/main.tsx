import './styles/tokens.css';
import './styles/base.css';
import './styles/kit.css';
import './styles/layout.css';
import './styles/media.css';
import { StrictMode } from 'react';
import { createRoot } from 'react-dom/client';
import { Router } from 'wouter';
import { App } from './app.tsx';
import { ROOT } from './data/place.ts';
import { rejectIncompleteDates } from './layout/complete-fields.ts';
import { ErrorBoundary } from './layout/error-boundary.tsx';
import { SessionGate } from './session/session-gate.tsx';

// Before React handles the event.
document.addEventListener('submit', rejectIncompleteDates, { capture: true });

const root = document.getElementById('root');
if (root === null) throw new Error('index.html has no element with the id root');
createRoot(root).render(
  <StrictMode>
    <ErrorBoundary>
      <Router base={ROOT.slice(0, -1)}>
        <SessionGate>
          <App />
        </SessionGate>
      </Router>
    </ErrorBoundary>
  </StrictMode>,
);
