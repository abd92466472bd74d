import { checkUnrestrictedKey } from '../core/access/restricted-commands.ts';
import type { Viewer } from '../core/access/viewer.ts';
import type { Command, LookUp, PlannedCommand } from '../core/decide/command.ts';
import type { Refusal } from '../core/errors.ts';
import { RestrictedCaller } from './access/restricted-caller.ts';
import type { Names } from './names.ts';

/** Plans the commands of one caller, as far as they are permitted. */
export class Planner {
  /** Null: the caller is not restricted to an owner. */
  readonly restricted: RestrictedCaller | null;
  readonly #names: Names;
  readonly #viewer: Viewer;

  constructor(names: Names, viewer: Viewer) {
    const { owner } = viewer;
    this.restricted = owner === null ? null : new RestrictedCaller(viewer, owner, names);
    this.#names = names;
    this.#viewer = viewer;
  }

  /** See `Names.plan`. */
  plan(
    command: Command,
    pending?: LookUp['target'],
  ): PlannedCommand | Refusal | Promise<PlannedCommand | Refusal> {
    if (this.restricted !== null) return this.restricted.plan(command);
    return (
      checkUnrestrictedKey(command) ?? this.#names.plan(command, this.#viewer.actor?.id ?? null, pending)
    );
  }
}
