import { spawnSync } from 'node:child_process';
import { rmSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createDatabase } from '../packages/server/test/support/postgres.ts';
import { findFreePort } from './support/free-port.ts';
import { launcher, type Program, type Settings, startProgram } from './support/program.ts';
import { awaitReady, makeDirectory, settingsOf } from './support/server.ts';

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

describe('a running server', () => {
  it('computes hashes on threads of lower priority than requests', async () => {
    const { settings, url } = await prepare('embedded', directory);
    const program = startProgram(serve, settings);
    await awaitReady(program, url);
    const threads = threadsOf(program.pid);
    program.signal('SIGTERM');
    await program.exited;
    if (process.platform !== 'linux') return;
    const pool = threads.filter(({ name }) => name.startsWith('libuv-worker'));
    expect(pool.length).toBeGreaterThan(1);
    expect(new Set(pool.map(({ niceness }) => niceness))).toEqual(new Set([10]));
    expect(threads.find(({ id }) => id === program.pid)?.niceness).toBe(0);
  });
});

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

function threadsOf(pid: number): { readonly id: number; readonly niceness: number; readonly name: string }[] {
  const output = spawnSync('ps', ['-L', '-p', String(pid), '-o', 'lwp=,ni=,comm='], { encoding: 'utf8' }).stdout;
  return output
    .trim()
    .split('\n')
    .map((line) => line.trim().split(/\s+/))
    .map(([id, niceness, name = '']) => ({ id: Number(id), niceness: Number(niceness), name }));
}

function membersOfGroup(group: number): string[] {
  const output = spawnSync('ps', ['-e', '-o', 'pgid=,pid=,args='], { encoding: 'utf8' }).stdout.split('\n');
  return output.filter((line) => Number(line.trim().split(/\s+/)[0]) === group);
}
