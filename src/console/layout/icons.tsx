const PATHS = {
  ledger: 'M4 6.5h16M12 6.5v12M4 6.5v4.6a3.4 3.4 0 0 0 6.8 0M20 6.5v4.6a3.4 3.4 0 0 1-6.8 0M8 18.5h8',
  overview: 'M4 13h6V4H4zM14 20h6V4h-6zM4 20h6v-3H4z',
  accounts:
    'M4 20v-1.5A3.5 3.5 0 0 1 7.5 15h5a3.5 3.5 0 0 1 3.5 3.5V20M10 11.5a3.5 3.5 0 1 0 0-7 3.5 3.5 0 0 0 0 7ZM20 20v-1.5a3.5 3.5 0 0 0-2.5-3.35M15.5 4.7a3.5 3.5 0 0 1 0 6.6',
  transactions: 'M7 4v14M3.5 14.5 7 18l3.5-3.5M17 20V6M13.5 9.5 17 6l3.5 3.5',
  holds: 'M7 11V8a5 5 0 0 1 10 0v3M5 11h14v9H5z',
  move: 'M4 12h15M13 6l6 6-6 6',
  admin: 'M14.5 9.5a4 4 0 1 0-3.700 5.5L12 14h2v-2h2v-2l3.5-3.5V4H17z',
  graphiql: 'M9 6 3.5 12 9 18M15 6l5.5 6-5.5 6',
  more: 'M4 12h1.5M11.25 12h1.5M18.5 12h1.5',
  find: 'M10.5 17a6.5 6.5 0 1 0 0-13 6.5 6.5 0 0 0 0 13ZM15.5 15.5 20 20',
} as const;

export type IconName = keyof typeof PATHS;

/** A picture next to words that say the same. */
export function Icon({ name }: { readonly name: IconName }) {
  return (
    <svg viewBox="0 0 24 24" width="20" height="20" className="icon" aria-hidden="true">
      <path d={PATHS[name]} />
    </svg>
  );
}
