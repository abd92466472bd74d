/** Returns how long it is to an instant, by its two largest units: "6 days 23 hours". */
export function timeLeft(instant: string, now: number): string {
  const seconds = Math.max(0, Math.trunc((Date.parse(instant) - now) / 1000));
  const counts = [
    ['day', Math.trunc(seconds / 86_400)],
    ['hour', Math.trunc(seconds / 3600) % 24],
    ['minute', Math.trunc(seconds / 60) % 60],
    ['second', seconds % 60],
  ] as const;
  const first = counts.findIndex(([, count]) => count > 0);
  if (first === -1) return 'less than a second';
  return counts
    .slice(first, first + 2)
    .filter(([, count]) => count > 0)
    .map(([unit, count]) => `${count} ${unit}${count === 1 ? '' : 's'}`)
    .join(' ');
}
