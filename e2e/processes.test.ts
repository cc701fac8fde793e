import { execFileSync } from 'node:child_process';
import { rmSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { cloneDatabase } from '../packages/server/test/support/postgres.ts';
import { eventually } from '../packages/server/test/support/wait.ts';
import { type Client, client, dataOf, refusalOf } from './support/client.ts';
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
  if (!server.hasEnded()) await server.stop();
  await sink.close();
  rmSync(directory, { recursive: true, force: true });
});

/** The processes that the parent started. */
function children(): number[] {
  const listed = execFileSync('ps', ['--ppid', String(server.pid), '-o', 'pid='], { encoding: 'utf8' });
  return listed.trim().split(/\s+/).filter(Boolean).map(Number);
}

/** Each request on a connection of its own, so that both processes get some. */
const alone = { headers: { connection: 'close' } };

describe('serve --processes 2', () => {
  it('serves from two processes, which agree on who is logged in', async () => {
    await eventually(() => children().length === 2, { what: 'two processes' });
    const device = client(server.url);
    dataOf(await device.register({ email, password }));
    await eventually(() => sink.lines.length > 0, { what: 'the mail', timeoutMs: 10_000 });
    dataOf(await device.verify(tokenOf(new URL(sink.lines[0]?.links[0] ?? ''))));
    const { accessToken } = dataOf(await device.login(email, password));
    const asks = () =>
      Promise.all(
        Array.from({ length: 20 }, () => device.api('GET', '/auth/session', { token: accessToken, ...alone })),
      );
    expect((await asks()).map((answer) => answer.status)).toEqual(Array.from({ length: 20 }, () => 200));
    dataOf(await device.logout(accessToken));
    const dead = async () => (await asks()).every((answer) => answer.status === 401);
    await eventually(dead, { what: 'the token is dead on both', timeoutMs: 1000 });
  });

  it('starts again the process that dies, and goes on serving meanwhile', async () => {
    const [victim] = children();
    process.kill(victim ?? 0, 'SIGKILL');
    // A connection to the one that died breaks; the next one is the other's.
    const answers = () =>
      client(server.url)
        .me()
        .then(refusalOf, () => 'broken');
    await eventually(async () => (await answers()) === 'not_authenticated', { what: 'an answer', timeoutMs: 1000 });
    const replaced = () => children().length === 2 && !children().includes(victim ?? 0);
    await eventually(replaced, { what: 'a new process', timeoutMs: 10_000 });
  });

  it('ends with all of them and exit code 0 on SIGTERM', async () => {
    const before = children();
    expect(await server.stop()).toBe(0);
    for (const pid of before) expect(() => process.kill(pid, 0)).toThrow('ESRCH');
  });
});

describe('two servers on one database', () => {
  it('add up within seconds what each has counted of an address', async () => {
    const limit = 10_000;
    const options = { database: await cloneDatabase(), env: { LATCHKEY_LIMIT_PUBLIC: `${limit}/1h` } };
    const nodes = [await startServer(options), await startServer(options)] as const;
    const [here, there] = nodes.map(({ url }) => client(url)) as [Client, Client];
    const ask = (node: Client) => node.api('GET', '/auth/session', { token: 'nobody.has.this' });
    const remaining = async (node: Client) =>
      Number(/r=(\d+)/.exec((await ask(node)).headers.get('ratelimit') ?? '')?.[1]);
    const tenth = limit / 10;
    for (const node of [here, there]) {
      for (let sent = 0; sent < tenth; sent += 50) await Promise.all(Array.from({ length: 50 }, () => ask(node)));
    }
    // Each has counted little more than a tenth by itself when it knows of two.
    const knows = async (node: Client) => (await remaining(node)) < limit - 2 * tenth;
    for (const node of [here, there]) await eventually(() => knows(node), { what: 'the sum', timeoutMs: 30_000 });
    await Promise.all(nodes.map((node) => node.stop()));
  });
});

describe('serve --processes refuses in one sentence', () => {
  it.each([
    ['the embedded database', 'embedded', ['--processes', '2'], 78, 'DATABASE_URL'],
    ['no number', 'embedded', ['--processes', 'two'], 2, 'from 1 to 64'],
  ] as const)('%s', async (_, database, parameters, code, sentence) => {
    const settings = settingsOf({ database }, directory, 3000);
    const ended = await runCommand(['serve', ...parameters], settings);
    expect(ended.code).toBe(code);
    expect(ended.stderr).toContain(sentence);
    expect(ended.stderr.trim().split('\n')).toHaveLength(1);
  });
});
