import { execFileSync } from 'node:child_process';
import { rmSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { cloneDatabase } from '../packages/server/test/support/postgres.ts';
import { eventually } from '../packages/server/test/support/wait.ts';
import { type Client, client, dataOf, problemOf } from './support/client.ts';
import { tokenOf } from './support/inbox.ts';
import { runCommand } from './support/program.ts';
import { makeDirectory, type RunningServer, settingsOf, startServer } from './support/server.ts';
import { type SmtpSink, startSmtpSink } from './support/smtp-sink.ts';

const email = 'processes@example.com';
const password = 'correct horse battery';

let sink: SmtpSink;
let server: RunningServer;
let directory: string;

beforeAll(async () => {
  directory = makeDirectory();
  sink = await startSmtpSink();
  server = await startServer({
    database: await cloneDatabase(),
    smtpUrl: sink.url,
    dataDirectory: directory,
    parameters: ['--processes', '2'],
  });
});

afterAll(async () => {
  if (!server.hasExited()) await server.stop();
  await sink.close();
  rmSync(directory, { recursive: true, force: true });
});

/** The processes that the parent forked. */
function childPids(): number[] {
  const listed = execFileSync('ps', ['--ppid', String(server.pid), '-o', 'pid='], { encoding: 'utf8' });
  return listed.trim().split(/\s+/).filter(Boolean).map(Number);
}

/** Without keep-alive, so that both processes receive requests. */
const withoutKeepAlive = { headers: { connection: 'close' } };

describe('serve --processes 2', () => {
  it('uses two processes that share sessions and revocations', async () => {
    await eventually(() => childPids().length === 2, { what: 'two processes' });
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
    await eventually(isRejected, { what: 'both processes reject the token', timeoutMs: 1000 });
  });

  it('replaces a killed process and keeps serving meanwhile', async () => {
    const [killed] = childPids();
    if (killed === undefined) throw new Error('the server has no child process');
    process.kill(killed, 'SIGKILL');
    // A connection to the crashed process breaks; the next one reaches the other.
    const problemOfMe = () =>
      client(server.url)
        .me()
        .then(problemOf, () => 'broken');
    await eventually(async () => (await problemOfMe()) === 'not_authenticated', {
      what: 'a response',
      timeoutMs: 1000,
    });
    const isReplaced = () => childPids().length === 2 && !childPids().includes(killed);
    await eventually(isReplaced, { what: 'a new process', timeoutMs: 10_000 });
  });

  it('stops all processes and exits with 0 on SIGTERM', async () => {
    const before = childPids();
    expect(await server.stop()).toBe(0);
    for (const pid of before) expect(() => process.kill(pid, 0)).toThrow('ESRCH');
  });
});

describe('two servers on one database', () => {
  it('sum their counts of an address within seconds', async () => {
    const limit = 10_000;
    const options = { database: await cloneDatabase(), env: { LATCHKEY_LIMIT_PUBLIC: `${limit}/1h` } };
    const nodes = [await startServer(options), await startServer(options)] as const;
    const [nodeA, nodeB] = nodes.map(({ url }) => client(url)) as [Client, Client];
    const send = (node: Client) => node.api('GET', '/auth/session', { token: 'not.a.token' });
    const remaining = async (node: Client) =>
      Number(/r=(\d+)/.exec((await send(node)).headers.get('ratelimit') ?? '')?.[1]);
    const share = limit / 10;
    for (const node of [nodeA, nodeB]) {
      for (let sent = 0; sent < share; sent += 50) await Promise.all(Array.from({ length: 50 }, () => send(node)));
    }
    // A node that does not know of the other has counted little more than a tenth.
    const knowsSum = async (node: Client) => (await remaining(node)) < limit - 2 * share;
    for (const node of [nodeA, nodeB])
      await eventually(() => knowsSum(node), { what: 'the sum of the counts', timeoutMs: 30_000 });
    await Promise.all(nodes.map((node) => node.stop()));
  });
});

describe('serve --processes fails with one sentence', () => {
  it.each([
    ['the embedded database', 'embedded', ['--processes', '2'], 78, 'DATABASE_URL'],
    ['an invalid number', 'embedded', ['--processes', 'two'], 2, 'from 1 to 64'],
  ] as const)('%s', async (_, database, parameters, code, sentence) => {
    const settings = settingsOf({ database }, directory, 5625);
    const result = await runCommand(['serve', ...parameters], settings);
    expect(result.code).toBe(code);
    expect(result.stderr).toContain(sentence);
    expect(result.stderr.trim().split('\n')).toHaveLength(1);
  });
});
