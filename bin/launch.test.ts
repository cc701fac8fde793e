import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { eventually } from '../packages/server/test/support/wait.ts';

const launchModule = JSON.stringify(join(import.meta.dirname, 'launch.cjs'));

/** Replaces the product: prints its environment, then acts as its argument requests. */
const product = `
const info = JSON.stringify({ pid: process.pid, threads: process.env.UV_THREADPOOL_SIZE, args: process.argv.slice(2),
  options: process.execArgv, heaps: process.env.MALLOC_ARENA_MAX });
if (process.argv[2] !== 'serve') console.log(info);
if (process.argv[2] === 'exit') process.exit(Number(process.argv[3]));
if (process.argv[2] === 'die') process.kill(process.pid, 'SIGKILL');
if (process.argv[2] === 'serve') {
  const open = setInterval(() => {}, 1000);
  for (const signal of ['SIGTERM', 'SIGINT']) process.on(signal, () => clearInterval(open));
  console.log(info);
}
`;

let directory: string;
let outer: string;
/** Launches the product as a long-running server, on this Node. */
let longRunning: string;

beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'latchkey-launch-'));
  const script = join(directory, 'product.mjs');
  const inner = join(directory, 'inner.cjs');
  outer = join(directory, 'outer.cjs');
  writeFileSync(script, product);
  writeFileSync(
    inner,
    `require(${launchModule}).launch(__filename, () => ${JSON.stringify(script)}, process.argv.slice(2));`,
  );
  longRunning = join(directory, 'lasting.cjs');
  writeFileSync(
    longRunning,
    `require(${launchModule}).launch(__filename, () => ${JSON.stringify(script)}, process.argv.slice(2), { isLongRunning: true });`,
  );
  // Simulates an older Node, on which the launcher starts itself again on another Node.
  writeFileSync(outer, `require(${launchModule}).runOn(process.execPath, ${JSON.stringify(inner)});`);
});

afterAll(() => rmSync(directory, { recursive: true, force: true }));

describe('the launcher on an older Node', () => {
  it('passes the arguments on and exits with the exit code of the program', () => {
    const result = spawnSync(process.execPath, [outer, 'exit', '7', 'a b'], { encoding: 'utf8' });
    expect(result.status).toBe(7);
    expect(JSON.parse(result.stdout)).toMatchObject({ args: ['exit', '7', 'a b'] });
  });

  it('ends by the signal that ended the program', () => {
    expect(spawnSync(process.execPath, [outer, 'die']).signal).toBe('SIGKILL');
  });

  it.each(['SIGTERM', 'SIGINT'] as const)('forwards %s and exits with 0 when the program does', async (signal) => {
    const { launcher, pid } = await serve();
    launcher.kill(signal);
    expect(await once(launcher, 'exit')).toEqual([0, null]);
    expect(isRunning(pid)).toBe(false);
  });

  it('leaves no program behind when it gets SIGKILL', async () => {
    const { launcher, pid } = await serve();
    launcher.kill('SIGKILL');
    await once(launcher, 'exit');
    await eventually(() => !isRunning(pid), { what: 'the program exits' });
  });
});

describe('the launcher', () => {
  it('starts the program with a thread per core and two more, unless UV_THREADPOOL_SIZE is set', () => {
    const environment = { ...process.env, UV_THREADPOOL_SIZE: '' };
    const threads = (env: NodeJS.ProcessEnv) => {
      const result = spawnSync(process.execPath, [outer, 'exit', '0'], { env, encoding: 'utf8' });
      return (JSON.parse(result.stdout) as { threads: string }).threads;
    };
    expect(threads(environment)).toBe(String(availableParallelism() + 2));
    expect(threads({ ...environment, UV_THREADPOOL_SIZE: '3' })).toBe('3');
  });

  it('restarts a long-running process in place with the options of its garbage collector and one heap', () => {
    const child = spawnSync(process.execPath, [longRunning, 'exit', '0'], { encoding: 'utf8' });
    const { pid, ...info } = JSON.parse(child.stdout) as { readonly pid: number };
    expect(info).toMatchObject({
      options: ['--max-semi-space-size=4', '--concurrent-marking-max-worker-num=1', '--no-allocation-site-pretenuring'],
      heaps: '1',
      args: ['exit', '0'],
    });
    expect(pid).toBe(child.pid);
  });

  it('keeps a bound set by the operator', () => {
    const env = { ...process.env, NODE_OPTIONS: '--max-semi-space-size=8' };
    const child = spawnSync(process.execPath, [longRunning, 'exit', '0'], { encoding: 'utf8', env });
    expect(JSON.parse(child.stdout)).toMatchObject({ options: [] });
  });

  it('keeps the number of heaps that the operator has set', () => {
    const env = { ...process.env, MALLOC_ARENA_MAX: '4' };
    const child = spawnSync(process.execPath, [longRunning, 'exit', '0'], { encoding: 'utf8', env });
    expect(JSON.parse(child.stdout)).toMatchObject({ heaps: '4' });
  });

  it('prints one sentence and exits with 78 when Node is too old', () => {
    const script = `require(${JSON.stringify(join(import.meta.dirname, 'find-node.cjs'))}).refuse('this is v18.0.0')`;
    const result = spawnSync(process.execPath, ['-e', script], { encoding: 'utf8' });
    expect(result.status).toBe(78);
    expect(result.stderr).toMatch(/^Latchkey needs Node\.js 24 or newer, this is v18\.0\.0: .*\.nvmrc.*\.\n$/);
  });
});

async function serve(): Promise<{ launcher: ChildProcess; pid: number }> {
  const launcher = spawn(process.execPath, [outer, 'serve'], { stdio: ['ignore', 'pipe', 'inherit'] });
  const [line] = (await once(launcher.stdout, 'data')) as [Buffer];
  const { pid } = JSON.parse(line.toString()) as { pid: number };
  return { launcher, pid };
}

function isRunning(pid: number): boolean {
  return spawnSync('kill', ['-0', String(pid)]).status === 0;
}
