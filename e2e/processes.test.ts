import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readlinkSync, rmSync } from 'node:fs';
import { Agent, request } from 'node:http';
import { connect, type Socket } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { cloneDatabase } from '../packages/server/test/support/postgres.ts';
import { eventually } from '../packages/server/test/support/wait.ts';
import { client, dataOf } from './support/client.ts';
import { tokenOf } from './support/inbox.ts';
import { makeDirectory, type RunningServer } from './support/server.ts';
import { childPids, deathsOf, linesOf, processCount, startProcesses } from './support/serving-processes.ts';
import { type SmtpSink, startSmtpSink } from './support/smtp-sink.ts';

const email = 'processes@example.com';
const password = 'correct horse battery';

let sink: SmtpSink;
let database: string;
let server: RunningServer;
let directory: string;

beforeAll(async () => {
  directory = makeDirectory();
  sink = await startSmtpSink();
  database = await cloneDatabase();
  server = await start();
});

const start = () => startProcesses({ database, dataDirectory: directory, smtpUrl: sink.url });

afterAll(async () => {
  if (!server.hasExited()) await server.kill9();
  await sink.close();
  rmSync(directory, { recursive: true, force: true });
});

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
    expect(childPids(server)).toHaveLength(processCount);
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
    expect(await metric('serving_processes')).toBe(processCount);
    expect(await checks()).toEqual({ process: 'ok', processes: 'ok', restarts: 'ok' });
    const [, opsPort] = server.opsUrl.split(/:(?=\d+$)/);
    await expect(fetch(`http://127.0.0.1:${Number(opsPort) + 1}/livez`)).rejects.toThrow();
  });

  it('distributes 256 connections so that no process has more than 1.5 times its share', async () => {
    const before = new Map(childPids(server).map((pid) => [pid, socketsOf(pid)]));
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
    expect(Math.max(...opened)).toBeLessThanOrEqual((256 / processCount) * 1.5);
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
      const [victim] = childPids(server).filter((pid) => !killed.includes(pid));
      if (victim === undefined) throw new Error('there is no process to kill');
      killed.push(victim);
      process.kill(victim, signal);
      const round = index + 1;
      await eventually(async () => (await metric('serving_process_deaths_total')) === round, {
        what: 'the death',
        timeoutMs: 30_000,
      });
      await eventually(async () => (await metric('serving_processes')) === processCount, {
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
    expect(deathsOf(server)).toMatchObject([
      { pid: first, signal: 'SIGKILL' },
      { pid: second, exitCode: 1 },
      { pid: third, signal: 'SIGKILL' },
    ]);
    expect(linesOf(server, 'fatal')).toMatchObject([{ pid: second, error: { message: 'for [address]' } }]);
    expect(await metric('user_registrations_total')).toBe(requestsBefore);
  });

  it('stops all processes and exits with 0 on SIGTERM', async () => {
    const before = childPids(server);
    expect(await server.stop()).toBe(0);
    expect(before.filter(isRunning)).toEqual([]);
    expect(deathsOf(server)).toHaveLength(3);
  });

  it('leaves no process behind when the parent gets SIGKILL', async () => {
    server = await start();
    const children = childPids(server);
    expect(children.length).toBeGreaterThan(0);
    await server.kill9();
    await eventually(() => children.filter(isRunning).length === 0, { what: 'all processes end', timeoutMs: 30_000 });
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
