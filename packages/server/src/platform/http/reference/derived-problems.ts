/** The problems that follow from what an endpoint declares, in addition to those that it lists. */
import { type ProblemCode, problems } from '#kernel/problem.ts';
import type { ApiEndpoint, Endpoint } from '../endpoint.ts';

/** Possible for each request, before it reaches an endpoint. */
const always: readonly ProblemCode[] = [
  'malformed_request',
  'forbidden_key',
  'uri_too_long',
  'header_fields_too_large',
  'request_timeout',
  'expectation_failed',
  'internal',
];

const withBody: readonly ProblemCode[] = [
  'malformed_json',
  'duplicate_key',
  'too_deep',
  'validation_failed',
  'unsupported_media_type',
  'body_too_large',
];

/** All problems of an endpoint, by status and then by name. */
export function problemsOf(endpoint: Endpoint): readonly ProblemCode[] {
  const codes = new Set<ProblemCode>([...always, ...endpoint.problems]);
  if (endpoint.rateLimit !== 'none') codes.add('too_many_requests');
  if (!endpoint.auth.principals.includes('public')) codes.add('not_authenticated');
  if (endpoint.auth.stepUp !== undefined) codes.add('step_up_required');
  if (endpoint.kind === 'page') codes.add('busy');
  if (endpoint.kind === 'api') for (const code of derivedOfApi(endpoint)) codes.add(code);
  return [...codes].sort((a, b) => problems[a].status - problems[b].status || compareCodes(a, b));
}

function derivedOfApi(endpoint: ApiEndpoint): ProblemCode[] {
  const codes: ProblemCode[] = ['validation_failed', 'busy', 'unavailable', 'outcome_unknown'];
  if (endpoint.method !== 'GET') codes.push('cross_site_request', ...withBody);
  if (endpoint.request.params !== undefined) codes.push('not_found');
  return codes;
}

// Without a locale: the documents are committed, and must not depend on the machine.
function compareCodes(a: string, b: string): number {
  return a < b ? -1 : 1;
}
