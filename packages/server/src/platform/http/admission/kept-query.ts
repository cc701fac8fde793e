/**
 * The query that the page of a problem keeps: its links try the page again, also in another language. Example: a flood delays
 * `/reset-password?token=…`, and the link to the same page in German still has the token.
 */
import type { FastifyRequest } from 'fastify';
import { Problem, type ProblemCode } from '#kernel/problem.ts';
import { decodeUtf8, readForm, readKnownPairs } from './body.ts';
import { bytesOf, queryOf } from './input.ts';

type Query = Readonly<Record<string, string>>;

/** Problems of requests whose values cannot be read, or may be those of another site. */
const withoutQuery: ReadonlySet<ProblemCode> = new Set([
  'cross_site_request',
  'forbidden_key',
  'malformed_request',
  'validation_failed',
]);

/** The secrets of a mailed link, and of the callback of an identity provider. */
const secretNames: ReadonlySet<string> = new Set(['token', 'code', 'state']);

/**
 * The values of these names in a query or a form. A secret that was refused is not repeated; one that was not looked at, because
 * of a limit or a fault on our side, stays.
 */
export function keptQuery(request: FastifyRequest, names: ReadonlySet<string>, { code, status }: Problem): Query {
  if (withoutQuery.has(code)) return {};
  const wasRefused = status < 500 && status !== 429;
  const kept = Object.entries(sentValues(request, names)).filter(([name]) => !(wasRefused && secretNames.has(name)));
  return Object.fromEntries(kept);
}

function sentValues(request: FastifyRequest, names: ReadonlySet<string>): Query {
  try {
    if (request.method !== 'POST') return readKnownPairs(queryOf(request), names);
    const fields = readForm(decodeUtf8(bytesOf(request)));
    return Object.fromEntries(Object.entries(fields).filter(([name]) => names.has(name)));
  } catch (error) {
    if (error instanceof Problem) return {};
    throw error;
  }
}
