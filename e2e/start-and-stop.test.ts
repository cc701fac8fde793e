import { spawnSync } from 'node:child_process';
import { rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createDatabase } from '../packages/server/test/support/postgres.ts';
import { findFreePort } from './support/free-port.ts';
import { launcher, type Program, type Settings, startProgram } from './support/program.ts';
import { makeDirectory, settingsOf, untilReady } from './support/server.ts';

let directory: string;
beforeAll(() => {
  directory = makeDirectory();
});
afterAll(() => rmSync(directory, { recursive: true, force: true }));

const serve = [process.execPath, launcher, 'serve'] as const;

describe('ending the server', () => {
  const cases = [
    ['SIGTERM to node', serve, 'SIGTERM', 'process'],
    ['SIGINT to node', serve, 'SIGINT', 'process'],
    ['SIGTERM to the group of node', serve, 'SIGTERM', 'group'],
    ['SIGTERM to npm', ['npm', 'start'], 'SIGTERM', 'process'],
    ['SIGTERM to the group of npm', ['npm', 'start'], 'SIGTERM', 'group'],
    ['Ctrl-C at npm, which is SIGINT to its group', ['npm', 'start'], 'SIGINT', 'group'],
  ] as const;

  it.each(cases)('%s ends it with 0 and leaves no process', async (_, command, signal, target) => {
    const { settings, url } = await settle('embedded', directory);
    const program = startProgram(command, settings, { group: true });
    await untilReady(program, url);
    if (target === 'group') process.kill(-program.pid, signal);
    else program.signal(signal);
    expect(await program.ended, program.stderr()).toEqual({ code: 0, signal: null });
    expect(membersOfGroup(program.pid)).toEqual([]);
  });

  it('two signals in a row are one', async () => {
    const { settings, url } = await settle(await createDatabase(), directory);
    const program = startProgram(serve, settings);
    await untilReady(program, url);
    program.signal('SIGTERM');
    program.signal('SIGTERM');
    expect(await program.ended).toEqual({ code: 0, signal: null });
  });
});

describe('a server that runs', () => {
  it('computes hashes on threads that let requests go first, where threads have priorities', async () => {
    const { settings, url } = await settle('embedded', directory);
    const program = startProgram(serve, settings);
    await untilReady(program, url);
    const threads = threadsOf(program.pid);
    program.signal('SIGTERM');
    await program.ended;
    if (process.platform !== 'linux') return;
    const pool = threads.filter(({ name }) => name.startsWith('libuv-worker'));
    expect(pool.length).toBeGreaterThan(1);
    expect(new Set(pool.map(({ niceness }) => niceness))).toEqual(new Set([10]));
    expect(threads.find(({ id }) => id === program.pid)?.niceness).toBe(0);
  });
});

describe('a server that cannot start says so in one sentence', () => {
  it('when the port is taken', async () => {
    const { settings, url } = await settle('embedded', directory);
    const port = Number(new URL(url).port);
    const squatter = createServer().listen(port, '127.0.0.1');
    const program = startProgram(serve, settings);
    expect((await program.ended).code).toBe(1);
    expectSentence(program, String(port));
    squatter.close();
  });

  it('when the data directory cannot be used', async () => {
    const file = join(directory, 'file');
    writeFileSync(file, '');
    const { settings } = await settle('embedded', join(file, 'data'));
    const program = startProgram(serve, settings);
    expect((await program.ended).code).toBe(78);
    expectSentence(program, file);
  });

  it('when another process has the data directory', async () => {
    const first = await settle('embedded', directory);
    const holder = startProgram(serve, first.settings);
    await untilReady(holder, first.url);
    const second = await settle('embedded', directory);
    const program = startProgram(serve, second.settings);
    expect((await program.ended).code).toBe(1);
    expectSentence(program, directory);
    holder.signal('SIGTERM');
    expect((await holder.ended).code).toBe(0);
  });

  it('when a setting is malformed', async () => {
    const { settings } = await settle('embedded', directory);
    const program = startProgram(serve, { ...settings, LATCHKEY_DRAIN_SECONDS: 'soon' });
    expect((await program.ended).code).toBe(78);
    expectSentence(program, 'LATCHKEY_DRAIN_SECONDS');
  });

  it('when PostgreSQL is not there', async () => {
    const port = await findFreePort();
    const { settings } = await settle(`postgres://nobody@127.0.0.1:${port}/nothing`, directory);
    const program = startProgram(serve, settings);
    expect((await program.ended).code).toBe(1);
    expectSentence(program, 'PostgreSQL');
  });
});

async function settle(database: string, dataDirectory: string): Promise<{ settings: Settings; url: string }> {
  const [port, opsPort] = [await findFreePort(), await findFreePort()];
  const settings = settingsOf({ database }, dataDirectory, port);
  return { settings: { ...settings, LATCHKEY_OPS_PORT: String(opsPort) }, url: `http://127.0.0.1:${port}` };
}

/** One line, with what it is about in it, and no place of the code. */
function expectSentence(program: Program, about: string): void {
  const lines = program.stderr().trimEnd().split('\n');
  expect(lines, program.stderr()).toHaveLength(1);
  expect(lines[0]).toContain(about);
  expect(program.stderr() + program.stdout()).not.toMatch(/^\s+at /m);
}

function threadsOf(pid: number): { readonly id: number; readonly niceness: number; readonly name: string }[] {
  const listed = spawnSync('ps', ['-L', '-p', String(pid), '-o', 'lwp=,ni=,comm='], { encoding: 'utf8' }).stdout;
  return listed
    .trim()
    .split('\n')
    .map((line) => line.trim().split(/\s+/))
    .map(([id, niceness, name = '']) => ({ id: Number(id), niceness: Number(niceness), name }));
}

function membersOfGroup(group: number): string[] {
  const listed = spawnSync('ps', ['-e', '-o', 'pgid=,pid=,args='], { encoding: 'utf8' }).stdout.split('\n');
  return listed.filter((line) => Number(line.trim().split(/\s+/)[0]) === group);
}
