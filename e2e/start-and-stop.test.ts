import { execFileSync, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { connectDirectly } from '../packages/server/test/support/direct-connection.ts';
import { cloneDatabase, createDatabase } from '../packages/server/test/support/postgres.ts';
import { eventually } from '../packages/server/test/support/wait.ts';
import { findFreePort } from './support/free-port.ts';
import { launcher, type Program, type Settings, startProgram } from './support/program.ts';
import { awaitReady, makeDirectory, production, settingsOf } from './support/server.ts';

let directory: string;
beforeAll(() => {
  directory = makeDirectory();
});
afterAll(() => rmSync(directory, { recursive: true, force: true }));

const serve = [process.execPath, launcher, 'serve'] as const;

describe('stopping the server', () => {
  const cases = [
    ['SIGTERM to node', serve, 'SIGTERM', 'process'],
    ['SIGINT to node', serve, 'SIGINT', 'process'],
    ['SIGTERM to the group of node', serve, 'SIGTERM', 'group'],
    ['SIGTERM to npm', ['npm', 'start'], 'SIGTERM', 'process'],
    ['SIGTERM to the group of npm', ['npm', 'start'], 'SIGTERM', 'group'],
    ['Ctrl-C at npm, which is SIGINT to its group', ['npm', 'start'], 'SIGINT', 'group'],
  ] as const;

  it.each(cases)('%s stops it with exit code 0 and leaves no process', async (_, command, signal, target) => {
    const { settings, url } = await prepare('embedded', directory);
    const program = startProgram(command, settings, { group: true });
    await awaitReady(program, url);
    if (target === 'group') process.kill(-program.pid, signal);
    else program.signal(signal);
    expect(await program.exited, program.stderr()).toEqual({ code: 0, signal: null });
    expect(membersOfGroup(program.pid)).toEqual([]);
  });

  it('handles a repeated signal once', async () => {
    const { settings, url } = await prepare(await createDatabase(), directory);
    const program = startProgram(serve, settings);
    await awaitReady(program, url);
    program.signal('SIGTERM');
    program.signal('SIGTERM');
    expect(await program.exited).toEqual({ code: 0, signal: null });
  });
});

describe('a signal at any time', () => {
  it('ends a process that loads its modules with 0', async () => {
    const { settings } = await prepare('embedded', directory);
    const program = startProgram(serve, settings);
    await eventually(() => catchesSigquit(program.pid), { what: 'the first line of the program has run' });
    program.signal('SIGTERM');
    expect(await program.exited).toEqual({ code: 0, signal: null });
    expect(program.stdout() + program.stderr()).toBe('');
  });

  it('ends a process that waits for another migration with 0', async () => {
    const database = await createDatabase();
    const other = await connectDirectly(database);
    const waiting = async () => {
      const { rows } = await other.query(
        `select 1 from pg_stat_activity where datname = current_database() and query like '%pg_try_advisory_lock%'
            and pid <> pg_backend_pid() and state = 'idle'`,
      );
      return rows.length > 0;
    };
    await other.query(`select pg_advisory_lock(${migrationLock})`);
    const { settings } = await prepare(database, directory);
    const program = startProgram(serve, settings);
    await eventually(waiting, { what: 'the server waits for the lock', timeoutMs: 30_000 });
    program.signal('SIGQUIT');
    expect(await program.exited, program.stderr()).toEqual({ code: 0, signal: null });
    await other.end();
  });

  it('turns readiness red first, then drains; a second signal ends the process at once', async () => {
    const { settings, url } = await prepare(await createDatabase(), directory);
    const opsUrl = `http://127.0.0.1:${settings.LATCHKEY_OPS_PORT}`;
    const program = startProgram(serve, {
      ...settings,
      LATCHKEY_SHUTDOWN_DELAY_SECONDS: '5',
      LATCHKEY_DRAIN_SECONDS: '60',
    });
    await awaitReady(program, url);
    const unfinished = await sendHalfRequest(Number(new URL(url).port));
    program.signal('SIGTERM');
    const status = (base: string) =>
      fetch(`${base}/readyz`).then(
        (response) => response.status,
        () => 'refused',
      );
    await eventually(async () => (await status(url)) === 503, { what: 'the public readiness is red' });
    expect(await status(opsUrl)).toBe(503);
    const served = await fetch(`${url}/.well-known/jwks.json`);
    expect([served.status, served.headers.get('connection')]).toEqual([200, 'close']);
    await eventually(async () => (await status(url)) === 'refused', { what: 'the public listener closes' });
    expect(await (await fetch(`${opsUrl}/readyz?verbose`)).json()).toMatchObject({ checks: { process: 'stopping' } });
    expect(program.hasExited()).toBe(false);
    program.signal('SIGTERM');
    expect(await program.exited).toEqual({ code: null, signal: 'SIGTERM' });
    expect(program.stderr()).toBe('Stopped at once by SIGTERM.\n');
    unfinished.destroy();
  });

  it('ends a process whose thread waits for a file that does not respond', async () => {
    const pipe = join(directory, 'filter');
    execFileSync('mkfifo', [pipe]);
    const { settings } = await prepare(await cloneDatabase(), directory);
    const program = startProgram(serve, {
      ...settings,
      LATCHKEY_LOG_LEVEL: 'debug',
      LATCHKEY_PASSWORD_FILTER: pipe,
    });
    await eventually(() => waitsForPipe(program.pid), { what: 'a thread waits for a writer', timeoutMs: 30_000 });
    program.signal('SIGTERM');
    expect(await program.exited, program.stderr()).toEqual({ code: 0, signal: null });
    expect(program.stdout()).toContain('"stopping"');
  });

  it('reads the secrets again in production when it is SIGHUP, at any time', async () => {
    const { settings, url } = await prepare(await cloneDatabase(), directory);
    const secret = join(directory, 'smtp');
    writeFileSync(secret, 'smtp://user:hunter2@127.0.0.1:9\n');
    const program = startProgram(serve, {
      ...settings,
      ...production,
      LATCHKEY_SHUTDOWN_DELAY_SECONDS: '0',
      LATCHKEY_LOG_LEVEL: 'info',
      SMTP_URL: `file:${secret}`,
    });
    await eventually(() => catchesSigquit(program.pid), { what: 'the first line of the program has run' });
    program.signal('SIGHUP');
    await awaitReady(program, url);
    const logged = (text: string) => eventually(() => program.stdout().includes(text), { what: text });
    await logged('"changed: none"');
    writeFileSync(secret, 'smtp://user:rotated2@127.0.0.1:9\n');
    program.signal('SIGHUP');
    await logged('"changed: SMTP_URL"');
    rmSync(secret);
    program.signal('SIGHUP');
    await logged('secrets could not be read again, and the old ones stay');
    expect((await fetch(`${url}/readyz`)).status).toBe(200);
    expect(program.stdout() + program.stderr()).not.toMatch(/hunter2|rotated2/);
    program.signal('SIGTERM');
    expect(await program.exited, program.stderr()).toEqual({ code: 0, signal: null });
  });

  it('ends a server outside production when it is SIGHUP', async () => {
    const { settings, url } = await prepare(await createDatabase(), directory);
    const program = startProgram(serve, settings);
    await awaitReady(program, url);
    program.signal('SIGHUP');
    expect(await program.exited).toEqual({ code: 0, signal: null });
  });
});

describe('an error that nothing catches', () => {
  it('is logged once without secrets, and the process ends in order with 1', async () => {
    const { settings, url } = await prepare(await createDatabase(), directory);
    const fault = "process.on('SIGUSR2', () => void Promise.reject(new Error('for ada@example.com: lk_rt_abcDEF123')))";
    const program = startProgram(serve, {
      ...settings,
      LATCHKEY_LOG_LEVEL: 'info',
      NODE_OPTIONS: `--import=data:text/javascript,${encodeURIComponent(fault)}`,
    });
    await awaitReady(program, url);
    program.signal('SIGUSR2');
    expect(await program.exited, program.stderr()).toEqual({ code: 1, signal: null });
    expect(program.stderr()).toBe('');
    const lines = program
      .stdout()
      .split('\n')
      .filter((line) => line.startsWith('{'));
    const fatal = lines.filter((line) => line.includes('"fatal"'));
    expect(fatal.map((line) => (JSON.parse(line) as { error: object }).error)).toMatchObject([
      { message: 'for [address]: [secret]' },
    ]);
    expect(lines.at(-1)).toContain('"stopping"');
  });
});

/** Whether a thread of the process is in the kernel's wait for the other end of a named pipe. */
function waitsForPipe(pid: number): boolean {
  const tasks = `/proc/${pid}/task`;
  return readdirSync(tasks).some((task) => {
    try {
      return readFileSync(join(tasks, task, 'wchan'), 'utf8') === 'wait_for_partner';
    } catch {
      // The thread has ended since it was listed.
      return false;
    }
  });
}

/** The key of the advisory lock of migrations. */
const migrationLock = 0x6c_61_74_63_68;

/** Node itself handles SIGTERM and SIGINT before the program does, but not SIGQUIT (bit 3). */
function catchesSigquit(pid: number): boolean {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8');
  const caught = /^SigCgt:\s*([0-9a-f]+)$/m.exec(status)?.[1] ?? '0';
  return (BigInt(`0x${caught}`) & 4n) !== 0n;
}

/** Sends a request without its body, which keeps the connection busy. */
async function sendHalfRequest(port: number): Promise<Socket> {
  const socket = connect(port, '127.0.0.1');
  await once(socket, 'connect');
  const head = ['POST /api/v1/auth/login HTTP/1.1', 'Host: x', 'Content-Type: application/json', 'Content-Length: 100'];
  socket.write(`${head.join('\r\n')}\r\n\r\n{`);
  return socket;
}

describe('a failing start prints one sentence', () => {
  it('when another process holds the data directory', async () => {
    const first = await prepare('embedded', directory);
    const holder = startProgram(serve, first.settings);
    await awaitReady(holder, first.url);
    const second = await prepare('embedded', directory);
    const program = startProgram(serve, second.settings);
    expect((await program.exited).code).toBe(1);
    expectSentence(program, directory);
    holder.signal('SIGTERM');
    expect((await holder.exited).code).toBe(0);
  });
});

async function prepare(database: string, dataDirectory: string): Promise<{ settings: Settings; url: string }> {
  const [port, opsPort] = [await findFreePort(), await findFreePort()];
  const settings = settingsOf({ database }, dataDirectory, port);
  return { settings: { ...settings, LATCHKEY_OPS_PORT: String(opsPort) }, url: `http://127.0.0.1:${port}` };
}

/** One line that names the subject, and no stack trace. */
function expectSentence(program: Program, subject: string): void {
  const lines = program.stderr().trimEnd().split('\n');
  expect(lines, program.stderr()).toHaveLength(1);
  expect(lines[0]).toContain(subject);
  expect(program.stderr() + program.stdout()).not.toMatch(/^\s+at /m);
}

function membersOfGroup(group: number): string[] {
  const output = spawnSync('ps', ['-e', '-o', 'pgid=,pid=,args='], { encoding: 'utf8' }).stdout.split('\n');
  return output.filter((line) => Number(line.trim().split(/\s+/)[0]) === group);
}
