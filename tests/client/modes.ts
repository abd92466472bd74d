/** A client that lets calls share requests, which is the default, and one that does not. Tests run with both. */
export const MODES = [
  { mode: 'coalescing', coalesce: true },
  { mode: 'plain', coalesce: false },
] as const;
