import type { Viewer } from '../core/access/viewer.ts';
import type { Command, LookUp, PlannedCommand } from '../core/decide/command.ts';
import type { Refusal } from '../core/errors.ts';
import type { Names } from './names.ts';

/** Plans the commands of one caller, as far as they are permitted. */
export class Planner {
  readonly #names: Names;
  readonly #viewer: Viewer;

  constructor(names: Names, viewer: Viewer) {
    this.#names = names;
    this.#viewer = viewer;
  }

  /** See `Names.plan`. */
  plan(
    command: Command,
    pending?: LookUp['target'],
  ): PlannedCommand | Refusal | Promise<PlannedCommand | Refusal> {
    return this.#names.plan(command, this.#viewer.actor?.id ?? null, pending);
  }
}
