/** Requests that no route answers: an unknown path, a method that is not allowed there, and OPTIONS. */
import type { FastifyReply, FastifyRequest } from 'fastify';
import { Problem } from '#kernel/problem.ts';
import { preflightHeaders } from '../admission/cors.ts';
import type { Endpoint } from '../endpoint.ts';
import { baseHeaders, type HeaderList, headerList } from './headers.ts';
import type { Responder } from './responder.ts';
import { headFault } from './routes.ts';

interface KnownPath {
  readonly pattern: RegExp;
  readonly methods: ReadonlySet<string>;
  /** Who may ask from elsewhere: anybody's scripts, the listed origins', or none. */
  readonly cors: 'open' | 'listed' | 'none';
}

/**
 * The handler of everything without a route. RFC 9110 §15.5.6: 405 names what is allowed.
 * It reads no body, so it closes the connection when one follows.
 */
export function unmatchedHandler(transport: Responder): (request: FastifyRequest, reply: FastifyReply) => void {
  const paths = knownPaths(transport.options.endpoints);
  const base = headerList(baseHeaders(transport.headerPolicy));
  return (request, reply) => {
    const fault = headFault(request, transport);
    if (fault !== undefined) return transport.refuse(request, reply, fault);
    const path = pathOf(request);
    const known = paths.find(({ pattern }) => pattern.test(path)) ?? (path === '/*' ? server : undefined);
    if (known === undefined) return transport.refuse(request, reply, new Problem('not_found'));
    const allow = ['allow', [...known.methods].join(', ')];
    if (request.method !== 'OPTIONS') {
      return transport.refuse(request, reply, new Problem('method_not_allowed'), allow);
    }
    return transport.answer(request, reply, 204, [...base, ...allow, ...corsOf(known, request, transport)], '');
  };
}

/** What `OPTIONS *` asks about: the server as a whole (RFC 9110 §9.3.7). */
const server: KnownPath = {
  pattern: /^$/,
  methods: new Set(['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS']),
  cors: 'none',
};

function corsOf(known: KnownPath, request: FastifyRequest, transport: Responder): HeaderList {
  if (known.cors === 'open') return openPreflight;
  if (known.cors === 'none' || request.raw.headers.origin === undefined) return [];
  return preflightHeaders(request.raw.headers, known.methods, transport.origins);
}

const openPreflight = [
  'access-control-allow-origin',
  '*',
  'access-control-allow-methods',
  'GET, HEAD',
  'access-control-max-age',
  '86400',
];

function pathOf(request: FastifyRequest): string {
  const target = request.raw.url ?? '/';
  const end = target.search(/[?#]/);
  return end < 0 ? target : target.slice(0, end);
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
  return endpoints.some(({ kind }) => kind === 'api') ? 'listed' : 'none';
}

function patternOf(path: string): RegExp {
  const escaped = path.replaceAll(/[.*+?^$()|[\]\\]/g, '\\$&');
  return new RegExp(`^${escaped.replaceAll(/\{\w+\}/g, '[^/]+')}$`);
}
