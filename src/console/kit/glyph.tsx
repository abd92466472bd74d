const PATHS = {
  arrow: 'M2 8h11.5M9.5 4l4 4-4 4',
  check: 'm3 8.5 3.2 3.2L13 5',
  copy: 'M5.5 5.5v-3h8v8h-3M2.5 5.5h8v8h-8z',
  cross: 'm4 4 8 8M12 4l-8 8',
} as const;

/** A small sign in the line of a text, drawn because not every font has it. Words next to it say the same. */
export function Glyph({ name }: { readonly name: keyof typeof PATHS }) {
  return (
    <svg viewBox="0 0 16 16" className="icon glyph" aria-hidden="true">
      <path d={PATHS[name]} />
    </svg>
  );
}
