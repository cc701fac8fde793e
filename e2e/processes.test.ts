import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readlinkSync, rmSync } from 'node:fs';
import { Agent, request } from 'node:http';
import { connect, type Socket } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { connectDirectly } from '../packages/server/test/support/direct-connection.ts';
import { cloneDatabase } from '../packages/server/test/support/postgres.ts';
import { eventually } from '../packages/server/test/support/wait.ts';
import { type Client, client, dataOf } from './support/client.ts';
import { tokenOf } from './support/inbox.ts';
import { runCommand } from './support/program.ts';
import { makeDirectory, type RunningServer, settingsOf, startServer } from './support/server.ts';
import { type SmtpSink, startSmtpSink } from './support/smtp-sink.ts';

const email = 'processes@example.com';
const password = 'correct horse battery';
const count = 4;

let sink: SmtpSink;
let database: string;
let server: RunningServer;
let directory: string;

/** At SIGUSR2 a process has an error that nothing catches. */
const fault = "process.on('SIGUSR2', () => void Promise.reject(new Error('for ada@example.com')))";

async function startProcesses(): Promise<RunningServer> {
  return startServer({
    database,
    smtpUrl: sink.url,
    dataDirectory: directory,
    parameters: ['--processes', String(count)],
    env: { NODE_OPTIONS: `--import=data:text/javascript,${encodeURIComponent(fault)}` },
  });
}

beforeAll(async () => {
  directory = makeDirectory();
  sink = await startSmtpSink();
  database = await cloneDatabase();
  server = await startProcesses();
  await eventually(() => isReady(), { what: 'all processes have started', timeoutMs: 60_000 });
});

afterAll(async () => {
  if (!server.hasExited()) await server.kill9();
  await sink.close();
  rmSync(directory, { recursive: true, force: true });
});

/** The processes that the parent forked. */
function childPids(): number[] {
  const listed = execFileSync('ps', ['-e', '-o', 'ppid=,pid='], { encoding: 'utf8' });
  const pairs = listed
    .trim()
    .split('\n')
    .map((line) => line.trim().split(/\s+/).map(Number));
  return pairs.flatMap(([parent, pid]) => (parent === server.pid && pid !== undefined ? [pid] : []));
}

async function isReady(): Promise<boolean> {
  return (await fetch(`${server.opsUrl}/readyz`)).status === 200;
}

async function checks(): Promise<Record<string, string>> {
  const response = await fetch(`${server.opsUrl}/readyz?verbose`);
  return ((await response.json()) as { checks: Record<string, string> }).checks;
}

/** The merged value of a metric. */
async function metric(name: string): Promise<number> {
  const text = await (await fetch(`${server.opsUrl}/metrics`)).text();
  const line = text.split('\n').find((each) => each.startsWith(`${name} `));
  return Number(line?.slice(name.length + 1));
}

interface LogLine {
  readonly pid: number;
  readonly signal?: string;
  readonly exitCode?: number;
}

function linesOf(text: string): LogLine[] {
  const lines = server.logs().split('\n');
  return lines.filter((line) => line.includes(`"${text}"`)).map((line) => JSON.parse(line) as LogLine);
}

const deathsInLog = () => linesOf('a serving process ended');

function socketsOf(pid: number): number {
  const folder = `/proc/${pid}/fd`;
  return readdirSync(folder).filter((fd) => {
    try {
      return readlinkSync(`${folder}/${fd}`).startsWith('socket:');
    } catch {
      // Closed meanwhile.
      return false;
    }
  }).length;
}

/** Without keep-alive, so that all processes receive requests. */
const withoutKeepAlive = { headers: { connection: 'close' } };

describe('serve --processes 4', () => {
  it('uses processes that share sessions and revocations', async () => {
    expect(childPids()).toHaveLength(count);
    const device = client(server.url);
    dataOf(await device.register({ email, password }));
    await eventually(() => sink.lines.length > 0, { what: 'the mail', timeoutMs: 10_000 });
    dataOf(await device.verify(tokenOf(new URL(sink.lines[0]?.links[0] ?? ''))));
    const { accessToken } = dataOf(await device.login(email, password));
    const checkAll = () =>
      Promise.all(
        Array.from({ length: 20 }, () =>
          device.api('GET', '/auth/session', { token: accessToken, ...withoutKeepAlive }),
        ),
      );
    expect((await checkAll()).map((result) => result.status)).toEqual(Array.from({ length: 20 }, () => 200));
    dataOf(await device.logout(accessToken));
    const isRejected = async () => (await checkAll()).every((result) => result.status === 401);
    await eventually(isRejected, { what: 'all processes reject the token', timeoutMs: 2000 });
  });

  it('merges metrics and readiness on the operator’s listener, and has no other one', async () => {
    const counter = 'http_requests_total{method="GET",route="/.well-known/jwks.json",status_code="200"}';
    const fetchKeys = () => fetch(`${server.url}/.well-known/jwks.json`, withoutKeepAlive);
    for (const response of await Promise.all(Array.from({ length: 40 }, fetchKeys))) expect(response.status).toBe(200);
    expect(await metric(counter)).toBe(40);
    expect(await metric('serving_processes')).toBe(count);
    expect(await checks()).toEqual({ process: 'ok', processes: 'ok', restarts: 'ok' });
    const [, opsPort] = server.opsUrl.split(/:(?=\d+$)/);
    await expect(fetch(`http://127.0.0.1:${Number(opsPort) + 1}/livez`)).rejects.toThrow();
  });

  it('distributes 256 connections so that no process has more than 1.5 times its share', async () => {
    const before = new Map(childPids().map((pid) => [pid, socketsOf(pid)]));
    const port = Number(new URL(server.url).port);
    const sockets: Socket[] = Array.from({ length: 256 }, () => connect(port, '127.0.0.1'));
    await Promise.all(
      sockets.map(async (socket) => {
        socket.write('GET /livez HTTP/1.1\r\nHost: x\r\n\r\n');
        await once(socket, 'data');
      }),
    );
    const opened = [...before].map(([pid, sockets_]) => socketsOf(pid) - sockets_);
    for (const socket of sockets) socket.destroy();
    expect(opened.reduce((sum, each) => sum + each, 0)).toBeGreaterThanOrEqual(250);
    expect(Math.max(...opened)).toBeLessThanOrEqual((256 / count) * 1.5);
  });

  it('replaces processes that end, loses only their requests in flight, and logs each death', async () => {
    const requestsBefore = await metric('user_registrations_total');
    const agent = new Agent({ keepAlive: true, maxSockets: 16 });
    const load = { failed: 0, ok: 0, isFinished: false };
    const clients = Array.from({ length: 16 }, async () => {
      while (!load.isFinished)
        await send(agent).then(
          () => (load.ok += 1),
          () => (load.failed += 1),
        );
    });
    const killed: number[] = [];
    const signals = ['SIGKILL', 'SIGUSR2', 'SIGKILL'] as const;
    for (const [index, signal] of signals.entries()) {
      const [victim] = childPids().filter((pid) => !killed.includes(pid));
      if (victim === undefined) throw new Error('there is no process to kill');
      killed.push(victim);
      process.kill(victim, signal);
      const round = index + 1;
      await eventually(async () => (await metric('serving_process_deaths_total')) === round, {
        what: 'the death',
        timeoutMs: 30_000,
      });
      await eventually(async () => (await metric('serving_processes')) === count, {
        what: 'a new process',
        timeoutMs: 60_000,
      });
    }
    load.isFinished = true;
    await Promise.all(clients);
    agent.destroy();
    expect(load.ok).toBeGreaterThan(100);
    // Each of the 16 clients has at most one request in flight.
    expect(load.failed).toBeLessThanOrEqual(16 * killed.length);
    const [first, second, third] = killed;
    expect(deathsInLog()).toMatchObject([
      { pid: first, signal: 'SIGKILL' },
      { pid: second, exitCode: 1 },
      { pid: third, signal: 'SIGKILL' },
    ]);
    expect(linesOf('fatal')).toMatchObject([{ pid: second, error: { message: 'for [address]' } }]);
    expect(await metric('user_registrations_total')).toBe(requestsBefore);
  });

  it('stops all processes and exits with 0 on SIGTERM', async () => {
    const before = childPids();
    expect(await server.stop()).toBe(0);
    expect(before.filter(isRunning)).toEqual([]);
    expect(deathsInLog()).toHaveLength(3);
  });

  it('leaves no process behind when the parent gets SIGKILL', async () => {
    server = await startProcesses();
    const children = childPids();
    expect(children.length).toBeGreaterThan(0);
    await server.kill9();
    await eventually(() => children.filter(isRunning).length === 0, { what: 'all processes end', timeoutMs: 30_000 });
  });

  it('gives up with one sentence when a process cannot be started again', async () => {
    server = await startProcesses();
    await eventually(() => isReady(), { what: 'all processes have started', timeoutMs: 60_000 });
    await allowConnections(false);
    const [victim = 0] = childPids();
    process.kill(victim, 'SIGKILL');
    await eventually(() => server.hasExited(), { what: 'the server gives up', timeoutMs: 120_000 });
    expect(await server.stop()).toBe(1);
    expect(deathsInLog().map(({ signal, exitCode }) => signal ?? exitCode)).toEqual(['SIGKILL', 1, 1, 1, 1, 1]);
    expect(server.logs()).toMatch(
      /^The start of a process failed 5 times\. .*not currently accepting connections.*\n$/m,
    );
    await allowConnections(true);
  });
});

function send(agent: Agent): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const sent = request(`${server.url}/livez`, { agent }, (response) => {
    response.on('error', reject);
    response.on('end', resolve);
    response.resume();
  });
  sent.on('error', reject);
  sent.end();
  return promise;
}

function isRunning(pid: number): boolean {
  const state = execFileSync('ps', ['-e', '-o', 'pid=,stat='], { encoding: 'utf8' });
  return state.split('\n').some((line) => new RegExp(`^\\s*${pid} [^Z]`).test(line));
}

async function allowConnections(isAllowed: boolean): Promise<void> {
  const url = new URL(database);
  const name = url.pathname.slice(1);
  url.pathname = '/postgres';
  const admin = await connectDirectly(url.href);
  try {
    await admin.query(`alter database ${escapeIdentifier(name)} allow_connections ${isAllowed}`);
  } finally {
    await admin.end();
  }
}

/** As PostgreSQL quotes an identifier. */
function escapeIdentifier(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}

describe('two servers on one database', () => {
  it('sum their counts of an address with each portion that they report', async () => {
    const limit = 10_000;
    const options = { database: await cloneDatabase(), env: { LATCHKEY_LIMIT_PUBLIC: `${limit}/1h` } };
    const nodes = [await startServer(options), await startServer(options)] as const;
    const [nodeA, nodeB] = nodes.map(({ url }) => client(url)) as [Client, Client];
    const sendTo = (node: Client) => node.api('GET', '/auth/session', { token: 'not.a.token' });
    const remaining = async (node: Client) =>
      Number(/r=(\d+)/.exec((await sendTo(node)).headers.get('ratelimit') ?? '')?.[1]);
    const portion = limit / 10;
    for (const node of [nodeA, nodeB, nodeA, nodeB]) {
      for (let sent = 0; sent < portion; sent += 50) await Promise.all(Array.from({ length: 50 }, () => sendTo(node)));
    }
    // Each has counted two portions by itself, and learned those of the other with its second report.
    const knowsSum = async (node: Client) => (await remaining(node)) < limit - 2.5 * portion;
    for (const node of [nodeA, nodeB]) await eventually(() => knowsSum(node), { what: 'the sum of the counts' });
    await Promise.all(nodes.map((node) => node.stop()));
  });
});

describe('serve --processes fails with one sentence', () => {
  it.each([
    ['the embedded database', 'embedded', ['--processes', '2'], 78, 'DATABASE_URL'],
    ['an invalid number', 'embedded', ['--processes', 'two'], 2, 'from 1 to 64'],
  ] as const)('%s', async (_, kind, parameters, code, sentence) => {
    const settings = settingsOf({ database: kind }, directory, 3000);
    const result = await runCommand(['serve', ...parameters], settings);
    expect(result.code).toBe(code);
    expect(result.stderr).toContain(sentence);
    expect(result.stderr.trim().split('\n')).toHaveLength(1);
  });
});
