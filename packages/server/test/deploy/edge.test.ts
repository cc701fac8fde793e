/** The proxies of `deploy/` before two nodes in production: a journey, the headers of every response, the address of clients. */

import { once } from 'node:events';
import { createServer, type IncomingHttpHeaders } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { findFreePort } from '../../../../e2e/support/free-port.ts';
import { awaitLink, tokenOf } from '../../../../e2e/support/inbox.ts';
import { production, type RunningServer, startServer } from '../../../../e2e/support/server.ts';
import { type SmtpSink, startSmtpSink } from '../../../../e2e/support/smtp-sink.ts';
import { Application } from '../support/application.ts';
import { startCaddy } from '../support/caddy.ts';
import { type Edge, EdgeConnection, type EdgeOptions, headerFaults, securityHeaders } from '../support/edge.ts';
import { startNginx } from '../support/nginx.ts';
import { sealedColumnsContaining } from '../support/sealed-values.ts';
import { eventually } from '../support/wait.ts';

const password = 'correct horse battery';
const client = '127.0.0.7';
const spoofed = '203.0.113.9';
const proxies = { caddy: startCaddy, nginx: startNginx } satisfies Record<
  string,
  (options: EdgeOptions) => Promise<Edge>
>;

/** A port that refuses connections. */
const nobody = '127.0.0.1:9';

describe.each(['caddy', 'nginx'] as const)('%s', (name) => {
  const running = new AsyncDisposableStack();
  let sink: SmtpSink;
  /** Opens what the nodes wrote. */
  let reader: Application;
  let nodes: readonly RunningServer[];
  let edge: Edge;
  let connection: EdgeConnection;

  beforeAll(async () => {
    sink = await startSmtpSink();
    running.defer(() => sink.close());
    reader = await Application.open({ manual: true });
    running.defer(() => reader.close());
    const port = await findFreePort();
    const publicUrl = `https://localhost:${port}`;
    const { LATCHKEY_KEK, DATABASE_URL: database = '' } = reader.deployment;
    const trusted = { LATCHKEY_PUBLIC_URL: publicUrl, LATCHKEY_TRUSTED_PROXIES: '127.0.0.1' };
    const env = { ...production, ...trusted, LATCHKEY_KEK, LATCHKEY_SHUTDOWN_DELAY_SECONDS: '0' };
    const start = () => startServer({ database, smtpUrl: sink.url, publicUrl, env });
    nodes = await Promise.all([start(), start()]);
    running.defer(async () => void (await Promise.all(nodes.map((node) => node.stop()))));
    edge = running.use(await proxies[name]({ port, nodes: nodes.map(({ url }) => new URL(url).host) }));
    connection = running.use(await EdgeConnection.open(edge, client));
  }, 240_000);

  afterAll(() => running.disposeAsync());

  async function call<T>(path: string, json: unknown, token?: string): Promise<T> {
    const headers = { 'x-forwarded-for': spoofed, ...(token !== undefined && { authorization: `Bearer ${token}` }) };
    const response = await connection.send('POST', `/api/v1/auth/${path}`, { json, headers });
    expect([path, response.status, headerFaults(response)]).toEqual([path, expect.any(Number), []]);
    expect(response.status).toBeLessThan(300);
    return (JSON.parse(response.body) as { readonly data: T }).data;
  }

  it('speaks HTTP/2 and leads a journey over both nodes, with the security headers once on every response', async () => {
    expect(connection.protocol).toBe('h2');
    const email = `${name}@example.com`;
    await call('register', { email, password, name: 'Ada' });
    const link = await awaitLink(async () => sink.acceptedFor(email), '/verify-email');
    expect(link.origin).toBe(edge.origin);
    await call('verify-email', { token: tokenOf(link) });
    const { refreshToken } = await call<{ refreshToken: string }>('login', { email, password });
    const { accessToken } = await call<{ accessToken: string }>('refresh', { refreshToken });
    const headers = { authorization: `Bearer ${accessToken}` };
    for (let check = 0; check < 20; check += 1)
      expect((await connection.send('GET', '/api/v1/auth/session', { headers })).status).toBe(200);
    await call('logout', {}, accessToken);
    // The other node learns of it within a second.
    const isRevoked = async () => (await connection.send('GET', '/api/v1/auth/session', { headers })).status === 401;
    await eventually(isRevoked, { what: 'both nodes reject the session' });
    const served = await Promise.all(nodes.map(({ opsUrl }) => countSessionChecks(opsUrl)));
    expect(served.every((count) => count > 0)).toBe(true);
  });

  it('passes the address of the client on, and not the one that the client claims', async () => {
    await reader.send('GET', '/livez');
    const { database, keys } = reader.services;
    expect(await sealedColumnsContaining(database, keys, [client])).toContain('audit_events.body');
    expect(await sealedColumnsContaining(database, keys, [spoofed])).toEqual([]);
  });

  it('adds the headers that Latchkey leaves out, and repeats none', async () => {
    const stylesheet = /\/assets\/[^"]+\.css/.exec((await connection.send('GET', '/login')).body)?.[0] ?? '';
    const paths = {
      '/login': 200,
      [stylesheet]: 200,
      '/docs': 200,
      '/openapi.json': 200,
      '/.well-known/jwks.json': 200,
      '/readyz': 200,
      '/api/v1/users/me': 401,
      '/nothing': 404,
      '/metrics': 404,
      '/metrics/': 404,
      '/debug/heap': 404,
      '/dev/inbox': 404,
      '/dev': 404,
    };
    for (const [path, status] of Object.entries(paths)) {
      const response = await connection.send('GET', path);
      expect([path, response.status, headerFaults(response)]).toEqual([path, status, []]);
    }
    const invalid = await connection.send('POST', '/api/v1/auth/login', { json: { email: 1 } });
    expect([invalid.status, headerFaults(invalid)]).toEqual([422, []]);
  });

  it('keeps what Latchkey sends: a page its own policies, a document its cache and its openness', async () => {
    const fieldOf = async (path: string, header: string) =>
      (await connection.send('GET', path)).fields.find(([each]) => each === header)?.[1];
    expect(await fieldOf('/login', 'referrer-policy')).toBe('strict-origin');
    expect(await fieldOf('/login', 'content-security-policy')).toContain("form-action 'self'");
    expect(await fieldOf('/.well-known/jwks.json', 'cross-origin-resource-policy')).toBe('cross-origin');
    expect(await fieldOf('/.well-known/jwks.json', 'cache-control')).toContain('max-age');
  });

  it('redirects http to the same address with https', async () => {
    const response = await fetch(`${edge.plainOrigin}/login?next=%2Faccount`, { redirect: 'manual' });
    expect(response.status).toBe(308);
    const location = new URL(response.headers.get('location') ?? '');
    expect([location.protocol, location.pathname, location.search]).toEqual(['https:', '/login', '?next=%2Faccount']);
    const names = ['x-content-type-options', 'x-frame-options', 'referrer-policy', 'content-security-policy'];
    expect(names.filter((header) => !response.headers.has(header))).toEqual([]);
  });

  it('lets no client choose the trace, the request id or the address that Latchkey gets', async () => {
    const { promise, resolve } = Promise.withResolvers<IncomingHttpHeaders>();
    const upstream = createServer((request, response) => {
      if (request.url === '/seen') resolve(request.headers);
      response.end();
    }).listen(0, '127.0.0.1');
    await once(upstream, 'listening');
    const port = await findFreePort();
    const { port: node } = upstream.address() as AddressInfo;
    {
      await using other = await proxies[name]({ port, nodes: [`127.0.0.1:${node}`] });
      using direct = await EdgeConnection.open(other, client);
      const trace = { traceparent: `00-${'1'.repeat(32)}-${'2'.repeat(16)}-01`, tracestate: 'a=b' };
      const headers = { ...trace, 'x-request-id': 'chosen', 'x-forwarded-for': spoofed, 'x-forwarded-proto': 'http' };
      const response = await direct.send('GET', '/seen', { headers });
      expect([response.status, headerFaults(response)]).toEqual([200, []]);
    }
    const seen = await promise;
    expect(seen['x-forwarded-for']).toBe(client);
    expect(seen['x-forwarded-proto']).toBe('https');
    expect(seen['x-request-id']).toMatch(/^[0-9a-f-]{32,36}$/);
    expect([seen.traceparent, seen.tracestate]).toEqual([undefined, undefined]);
    upstream.closeAllConnections();
    upstream.close();
  });

  it.each(Object.keys(securityHeaders))('without its line for %s, the check of headers fails', async (header) => {
    const line = new RegExp(`^.*(?:header \\?|add_header )${header}.*\n`, 'gim');
    const edit = (text: string) => {
      expect(text).toMatch(line);
      return text.replace(line, '');
    };
    await using faulty = await proxies[name]({ port: await findFreePort(), nodes: [nobody], edit });
    using direct = await EdgeConnection.open(faulty);
    expect(headerFaults(await direct.send('GET', '/metrics'))).toEqual([`${header}: missing`]);
  });

  it('responds with a problem and the same headers while no node can be reached', async () => {
    await using lonely = await proxies[name]({ port: await findFreePort(), nodes: [nobody] });
    using direct = await EdgeConnection.open(lonely);
    const response = await direct.send('GET', '/api/v1/auth/session');
    expect([502, 503]).toContain(response.status);
    expect(headerFaults(response)).toEqual([]);
    expect(response.fields).toContainEqual(['content-type', 'application/problem+json']);
    expect(JSON.parse(response.body)).toMatchObject({ type: 'about:blank', status: response.status });
  });
});

async function countSessionChecks(opsUrl: string): Promise<number> {
  const text = await (await fetch(`${opsUrl}/metrics`)).text();
  const lines = text.split('\n').filter((line) => line.startsWith('http_requests_total{'));
  const line = lines.find((each) => each.includes('/auth/session"') && each.includes('"200"'));
  return Number(line?.split(' ').at(-1) ?? 0);
}
