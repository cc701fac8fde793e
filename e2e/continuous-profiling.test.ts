/** CPU profiles of a real server, as a store with Pyroscope's protocol receives them. */
import { rmSync } from 'node:fs';
import { afterAll, beforeAll, expect, it } from 'vitest';
import {
  type HttpReceiver,
  type ReceivedRequest,
  startReceiver,
} from '../packages/server/test/support/http-receiver.ts';
import { cloneDatabase } from '../packages/server/test/support/postgres.ts';
import { readPprof } from '../packages/server/test/support/pprof-profile.ts';
import { eventually } from '../packages/server/test/support/wait.ts';
import { client } from './support/client.ts';
import { makeDirectory, type RunningServer, startServer } from './support/server.ts';
import { type SmtpSink, startSmtpSink } from './support/smtp-sink.ts';

const password = 'planted-password-of-ada';
const header = 'planted-tenant';

let store: HttpReceiver;
let sink: SmtpSink;
let directory: string;
let server: RunningServer;

beforeAll(async () => {
  [store, sink, directory] = [await startReceiver(), await startSmtpSink(), makeDirectory()];
  server = await startServer({
    database: await cloneDatabase(),
    smtpUrl: sink.url,
    dataDirectory: directory,
    parameters: ['--processes', '2'],
    env: {
      LATCHKEY_PROFILES_URL: `http://127.0.0.1:${store.port}/ingest`,
      LATCHKEY_PROFILES_HEADERS: `X-Scope-OrgID=${header}`,
      LATCHKEY_PROFILES_SECONDS: '1',
    },
  });
});

afterAll(async () => {
  if (!server.hasExited()) await server.kill9();
  await store.stop();
  await sink.close();
  rmSync(directory, { recursive: true, force: true });
});

const queryOf = ({ url }: ReceivedRequest) => new URL(url, 'http://localhost').searchParams;
const processOf = (request: ReceivedRequest) => /process=(\d+)/.exec(queryOf(request).get('name') ?? '')?.[1];

/** The part `profile` of the form. */
async function profileOf({ bytes, headers }: ReceivedRequest): Promise<Buffer> {
  const form = await new Response(new Uint8Array(bytes), {
    headers: { 'content-type': headers['content-type'] ?? '' },
  }).formData();
  const part = form.get('profile');
  if (!(part instanceof File)) throw new Error('the form has no profile');
  return Buffer.from(await part.arrayBuffer());
}

it('every process pushes its profile, with the functions that ran and nothing of the requests', async () => {
  const api = client(server.url);
  const email = 'ada@example.com';
  const isThere = async () => {
    await api.login(email, password);
    return new Set(store.received.map(processOf)).size === 2 && store.received.length >= 6;
  };
  await eventually(isThere, { what: 'profiles of both processes', timeoutMs: 30_000 });
  const requests = [...store.received];
  for (const request of requests) {
    expect([request.method, request.url.split('?')[0]]).toEqual(['POST', '/ingest']);
    expect(request.headers['x-scope-orgid']).toBe(header);
    const query = queryOf(request);
    expect(query.get('format')).toBe('pprof');
    expect(query.get('name')).toMatch(/^latchkey\{version=[\w.-]+,instance=[\w.-]+,process=\d+\}$/);
    expect(Number(query.get('until')) - Number(query.get('from'))).toBeGreaterThanOrEqual(1);
  }
  const profiles = (await Promise.all(requests.map(profileOf))).map(readPprof);
  const frames = profiles.flatMap(({ samples }) => samples.flatMap(({ stack }) => stack));
  expect(frames.some(({ file, line }) => /^(?:app|platform|domain|flows)\/.*\.ts$/.test(file) && line > 0)).toBe(true);
  const text = JSON.stringify(profiles) + requests.map(({ url, headers }) => url + JSON.stringify(headers)).join('');
  for (const secret of [password, email]) expect(text).not.toContain(secret);
  expect(JSON.stringify(profiles)).not.toContain(header);
});

it('a store that refuses is counted and logged, and a stop waits for nothing', async () => {
  store.react((response) => response.writeHead(503).end());
  await eventually(
    async () =>
      /telemetry_dropped_total\{signal="profiles"\} [1-9]/.test(await (await fetch(`${server.opsUrl}/metrics`)).text()),
    { what: 'profiles are dropped', timeoutMs: 30_000 },
  );
  const isLogged = () =>
    /a dependency refuses or is unreachable.*profiles|profiles.*a dependency refuses/.test(server.logs());
  // The line comes through a pipe, after the metric.
  await eventually(isLogged, { what: 'the refusal is logged' });
  expect(await server.stop()).toBe(0);
});
