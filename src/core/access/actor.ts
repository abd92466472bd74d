import { hash } from 'node:crypto';
import { canonicalText } from '../chain.ts';
import type { Uuid } from '../values/ids.ts';
import { type ActorKind, SCOPES, type Viewer } from './viewer.ts';

/**
 * Returns the id of an actor, as the database computes it: a UUIDv8 of SHA-256('tls.actor.v1' ‖ row), where `row` is the RFC 8785
 * text of its issuer, kind and subject. `issuer`: of a token, otherwise null. `subject`: of a token, or the UUID of a key.
 */
export function actorId(kind: ActorKind, issuer: string | null, subject: string): Uuid {
  const digest = hash('sha256', `tls.actor.v1${canonicalText({ issuer, kind, subject })}`, 'buffer');
  digest.writeUInt8((digest.readUInt8(6) & 0x0f) | 0x80, 6);
  digest.writeUInt8((digest.readUInt8(8) & 0x3f) | 0x80, 8);
  const hex = digest.toString('hex', 0, 16);
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join('-');
}

const CLI_NAME = 'command line';

/** The command line. Its user can read and write the database anyway. */
export const COMMAND_LINE: Viewer = {
  actor: { id: actorId('CLI', null, CLI_NAME), kind: 'CLI', name: CLI_NAME },
  scopes: new Set(SCOPES),
  allLedgers: true,
  owner: null,
};
