/** Requests without a route: an unknown path, a method that is not allowed at its path, and OPTIONS. */
import type { FastifyReply, FastifyRequest } from 'fastify';
import { Problem } from '#kernel/problem.ts';
import { withoutTrailing } from '#kernel/without-trailing.ts';
import { preflightHeaders } from '../admission/cors.ts';
import { headProblem } from '../admission/head.ts';
import type { Endpoint } from '../endpoint.ts';
import { baseHeaders, type Headers } from './headers.ts';
import type { Responder } from './responder.ts';

interface KnownPath {
  readonly pattern: RegExp;
  readonly methods: ReadonlySet<string>;
  /** Which origins a preflight allows: all, those that clients list, or none. */
  readonly cors: 'open' | 'listed' | 'none';
}

/** The handler of everything without a route; 405 lists the allowed methods (RFC 9110 §15.5.6). */
export function unmatchedHandler(responder: Responder): (request: FastifyRequest, reply: FastifyReply) => void {
  const paths = knownPaths(responder.options.endpoints);
  const base = baseHeaders(responder.headerPolicy);
  return (request, reply) => {
    const problem = headProblem(request, responder.limits);
    if (problem !== undefined) return responder.refuse(request, reply, problem);
    const path = pathOf(request);
    const known = paths.find(({ pattern }) => pattern.test(path)) ?? (path === '/*' ? wholeServer : undefined);
    if (known === undefined) return responder.refuse(request, reply, unknownPath(paths, path));
    const allow = { allow: [...known.methods].join(', ') };
    if (request.method !== 'OPTIONS') {
      return responder.refuse(request, reply, new Problem('method_not_allowed'), allow);
    }
    return responder.send(request, reply, 204, { ...base, ...allow, ...corsOf(known, request, responder) }, '');
  };
}

function unknownPath(paths: readonly KnownPath[], path: string): Problem {
  const bare = withoutTrailing(path, '/');
  const isSpelling = bare !== path && paths.some(({ pattern }) => pattern.test(bare));
  return new Problem('not_found', isSpelling ? { advice: 'Remove the slash at its end.' } : {});
}

/** The target of `OPTIONS *` (RFC 9110 §9.3.7). */
const wholeServer: KnownPath = {
  pattern: /^$/,
  methods: new Set(['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS']),
  cors: 'none',
};

function corsOf(known: KnownPath, { headers }: FastifyRequest, responder: Responder): Headers {
  if (known.cors === 'open') return openPreflight;
  if (known.cors === 'none' || headers.origin === undefined) return {};
  return preflightHeaders(headers, known.methods, responder.origins);
}

const openPreflight: Headers = {
  'access-control-allow-origin': '*',
  'access-control-allow-methods': 'GET, HEAD',
  'access-control-max-age': '86400',
};

function pathOf({ url }: FastifyRequest): string {
  const end = url.search(/[?#]/);
  return end < 0 ? url : url.slice(0, end);
}

function knownPaths(endpoints: readonly Endpoint[]): readonly KnownPath[] {
  const byPath = Map.groupBy(endpoints, (endpoint) => endpoint.path);
  return [...byPath].map(([path, those]) => {
    const methods = new Set<string>(those.map(({ method }) => method));
    if (those.some(({ method, changesByGet }) => method === 'GET' && changesByGet !== true)) methods.add('HEAD');
    methods.add('OPTIONS');
    return { pattern: patternOf(path), methods, cors: corsOfAll(those) };
  });
}

function corsOfAll(endpoints: readonly Endpoint[]): KnownPath['cors'] {
  if (endpoints.some((endpoint) => endpoint.kind === 'document' && endpoint.openToCors)) return 'open';
  return endpoints.some(({ kind, loopbackOnly }) => kind === 'api' && loopbackOnly !== true) ? 'listed' : 'none';
}

function patternOf(path: string): RegExp {
  const escaped = path.replaceAll(/[.*+?^$()|[\]\\]/g, '\\$&');
  return new RegExp(`^${escaped.replaceAll(/\{\w+\}/g, '[^/]+')}$`);
}
