/** What a stage measured: transfers that were durable when they were answered. */
export interface Measured {
  readonly perSecond: number;
}

/**
 * Keeps `callers` callers busy, each with one call at a time, and counts what is answered between the warm-up and the end.
 * `call` answers whether the transfer was posted; one that was not ends the run.
 */
export async function measure(
  call: () => Promise<boolean>,
  {
    callers,
    warmUpMs,
    durationMs,
  }: { readonly callers: number; readonly warmUpMs: number; readonly durationMs: number },
): Promise<Measured> {
  let answered = 0;
  let stopped = false;
  const keepCalling = async (): Promise<void> => {
    while (!stopped) {
      if (!(await call())) throw new Error('a transfer was not posted');
      answered += 1;
    }
  };
  const running = Promise.all(Array.from({ length: callers }, keepCalling));
  const ended = (async () => {
    await sleep(warmUpMs);
    const [before, since] = [answered, performance.now()];
    await sleep(durationMs);
    const perSecond = ((answered - before) * 1000) / (performance.now() - since);
    stopped = true;
    return { perSecond };
  })();
  const [measured] = await Promise.all([ended, running]);
  return measured;
}

function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
