import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc') as () => void;

/** Returns the bytes of the heap that are in use, after all garbage was collected. */
export function usedBytes(): number {
  collect();
  return process.memoryUsage().heapUsed;
}
