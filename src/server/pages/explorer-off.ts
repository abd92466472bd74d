import type { HttpAnswer } from '../../graphql/execution/answer.ts';
import { notice } from './notice.ts';

/** Returns the page that a browser receives at the endpoint while the explorer is off. */
export function explorerOffPage(hasTrustedDocuments: boolean): HttpAnswer {
  const [why, steps] = hasTrustedDocuments ? TRUSTED_ONLY : TURNED_OFF;
  return notice(`This is the endpoint of a GraphQL API. ${why}`, steps, HOW_PROGRAMS_CALL);
}

const HOW_PROGRAMS_CALL =
  '<p>Programs send requests to this address: POST, with the header <code>content-type: application/json</code>.</p>\n';

const TURNED_OFF = [
  'GraphiQL, introspection and <code>/schema.graphql</code> are off. This is the default with <code>NODE_ENV=production</code>.',
  'To turn them on, set <code>API_EXPLORER=1</code> and restart the service.',
] as const;

const TRUSTED_ONLY = [
  'The service executes only the documents of its <code>TRUSTED_DOCUMENTS</code> manifest, so GraphiQL, introspection and ' +
    '<code>/schema.graphql</code> are off.',
  'To turn them on, remove <code>TRUSTED_DOCUMENTS</code>, set <code>API_EXPLORER=1</code> and restart the service.',
] as const;
