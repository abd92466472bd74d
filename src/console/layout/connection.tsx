import { useSyncExternalStore } from 'react';
import { Notice } from '../kit/notice.tsx';

/** Says that the browser has no network. Pages keep what they have read. */
export function Connection() {
  const isOnline = useSyncExternalStore(subscribe, () => navigator.onLine);
  if (isOnline) return null;
  return (
    <Notice tone="warning" title="Your device is offline.">
      What you see was read before. It is read again as soon as the network is back.
    </Notice>
  );
}

function subscribe(onChange: () => void): () => void {
  window.addEventListener('online', onChange);
  window.addEventListener('offline', onChange);
  return () => {
    window.removeEventListener('online', onChange);
    window.removeEventListener('offline', onChange);
  };
}
