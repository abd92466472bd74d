/** Turns of the event loop. */

interface Port {
  onmessage: (() => void) | null;
  postMessage(message: null): void;
  close(): void;
}
type Channel = new () => { readonly port1: Port; readonly port2: Port };

/** Calls back after the present turn of the event loop, without the minimum delay that browsers give to timers. */
export function afterTurn(callback: () => void): void {
  const { setImmediate, MessageChannel } = globalThis as {
    readonly setImmediate?: (callback: () => void) => void;
    readonly MessageChannel?: Channel;
  };
  if (setImmediate !== undefined) {
    setImmediate(callback);
  } else if (MessageChannel !== undefined) {
    const { port1, port2 } = new MessageChannel();
    port1.onmessage = () => {
      port1.close();
      callback();
    };
    port2.postMessage(null);
  } else {
    setTimeout(callback, 0);
  }
}

let drawn: number | undefined;

/** Returns a random number below 1, which is the same for all who draw in one turn: calls that fail together retry together. */
export function randomOfTurn(): number {
  if (drawn === undefined) {
    drawn = Math.random();
    afterTurn(() => {
      drawn = undefined;
    });
  }
  return drawn;
}
