/** Requests that no route answers: an unknown path, a method that is not allowed there, and OPTIONS. */
import type { FastifyReply, FastifyRequest } from 'fastify';
import { Problem } from '#kernel/problem.ts';
import type { Endpoint } from './endpoint.ts';
import { announcesBody, headFault } from './routes.ts';
import type { Transport } from './transport.ts';

interface KnownPath {
  readonly pattern: RegExp;
  readonly methods: ReadonlySet<string>;
  readonly openToCors: boolean;
}

/**
 * The handler of everything without a route. RFC 9110 §15.5.6: 405 names what is allowed.
 * It reads no body, so it closes the connection when one follows.
 */
export function unmatchedHandler(transport: Transport): (request: FastifyRequest, reply: FastifyReply) => FastifyReply {
  const paths = knownPaths(transport.options.endpoints);
  return (request, reply) => {
    transport.exchanges.of(request);
    if (announcesBody(request)) reply.header('connection', 'close');
    const fault = headFault(request, transport);
    if (fault !== undefined) return transport.refuse(request, reply, fault);
    const path = pathOf(request);
    const known = paths.find(({ pattern }) => pattern.test(path));
    if (known === undefined && !(request.method === 'OPTIONS' && path === '/*')) {
      return transport.refuse(request, reply, new Problem('not_found'));
    }
    const allow = known === undefined ? 'GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS' : [...known.methods].join(', ');
    reply.header('allow', allow);
    if (request.method !== 'OPTIONS') return transport.refuse(request, reply, new Problem('method_not_allowed'));
    return transport.open(request, reply, 204, known?.openToCors === true ? preflight : {}).send();
  };
}

const preflight = {
  'access-control-allow-origin': '*',
  'access-control-allow-methods': 'GET, HEAD',
  'access-control-max-age': '86400',
};

function pathOf(request: FastifyRequest): string {
  const target = request.raw.url ?? '/';
  const end = target.search(/[?#;]/);
  return end < 0 ? target : target.slice(0, end);
}

function knownPaths(endpoints: readonly Endpoint[]): readonly KnownPath[] {
  const byPath = Map.groupBy(endpoints, (endpoint) => endpoint.path);
  return [...byPath].map(([path, those]) => {
    const methods = new Set<string>(those.map(({ method }) => method));
    if (methods.has('GET')) methods.add('HEAD');
    methods.add('OPTIONS');
    const openToCors = those.some((endpoint) => endpoint.kind === 'document' && endpoint.openToCors);
    return { pattern: patternOf(path), methods, openToCors };
  });
}

function patternOf(path: string): RegExp {
  const escaped = path.replaceAll(/[.*+?^$()|[\]\\]/g, '\\$&');
  return new RegExp(`^${escaped.replaceAll(/\{\w+\}/g, '[^/]+')}$`);
}
