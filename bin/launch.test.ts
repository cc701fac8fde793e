import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { eventually } from '../packages/server/test/support/wait.ts';

const launchModule = JSON.stringify(join(import.meta.dirname, 'launch.cjs'));

/** Stands for the product: says who it is, then does what its argument says. */
const product = `
const says = JSON.stringify({ pid: process.pid, threads: process.env.UV_THREADPOOL_SIZE, args: process.argv.slice(2),
  options: process.execArgv });
if (process.argv[2] !== 'serve') console.log(says);
if (process.argv[2] === 'exit') process.exit(Number(process.argv[3]));
if (process.argv[2] === 'die') process.kill(process.pid, 'SIGKILL');
if (process.argv[2] === 'serve') {
  const open = setInterval(() => {}, 1000);
  for (const signal of ['SIGTERM', 'SIGINT']) process.on(signal, () => clearInterval(open));
  console.log(says);
}
`;

let directory: string;
let outer: string;
/** Launches the product as a server is launched, on this Node. */
let lasting: string;

beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'latchkey-launch-'));
  const script = join(directory, 'product.mjs');
  const inner = join(directory, 'inner.cjs');
  outer = join(directory, 'outer.cjs');
  writeFileSync(script, product);
  writeFileSync(
    inner,
    `require(${launchModule}).launch(__filename, ${JSON.stringify(script)}, process.argv.slice(2));`,
  );
  lasting = join(directory, 'lasting.cjs');
  writeFileSync(
    lasting,
    `require(${launchModule}).launch(__filename, ${JSON.stringify(script)}, process.argv.slice(2), { stays: true });`,
  );
  // As under an older Node: the launcher starts itself again on another one.
  writeFileSync(outer, `require(${launchModule}).runOn(process.execPath, ${JSON.stringify(inner)});`);
});

afterAll(() => rmSync(directory, { recursive: true, force: true }));

describe('the launcher on an older Node', () => {
  it('passes the arguments on and ends with the code of the program', () => {
    const answer = spawnSync(process.execPath, [outer, 'exit', '7', 'a b'], { encoding: 'utf8' });
    expect(answer.status).toBe(7);
    expect(JSON.parse(answer.stdout)).toMatchObject({ args: ['exit', '7', 'a b'] });
  });

  it('dies by the signal that the program died by', () => {
    expect(spawnSync(process.execPath, [outer, 'die']).signal).toBe('SIGKILL');
  });

  it.each(['SIGTERM', 'SIGINT'] as const)('passes %s on, and ends with 0 when the program does', async (signal) => {
    const { launcher, pid } = await serve();
    launcher.kill(signal);
    expect(await once(launcher, 'exit')).toEqual([0, null]);
    expect(isAlive(pid)).toBe(false);
  });

  it('leaves no program behind when it is killed by SIGKILL', async () => {
    const { launcher, pid } = await serve();
    launcher.kill('SIGKILL');
    await once(launcher, 'exit');
    await eventually(() => !isAlive(pid), { what: 'the program has ended' });
  });
});

describe('the launcher', () => {
  it('gives the program a thread for each core and two more, unless told otherwise', () => {
    const environment = { ...process.env, UV_THREADPOOL_SIZE: '' };
    const threads = (env: NodeJS.ProcessEnv) => {
      const answer = spawnSync(process.execPath, [outer, 'exit', '0'], { env, encoding: 'utf8' });
      return (JSON.parse(answer.stdout) as { threads: string }).threads;
    };
    expect(threads(environment)).toBe(String(availableParallelism() + 2));
    expect(threads({ ...environment, UV_THREADPOOL_SIZE: '3' })).toBe('3');
  });

  it('begins a process that stays again with a bounded young generation, as the same process', () => {
    const child = spawnSync(process.execPath, [lasting, 'exit', '0'], { encoding: 'utf8' });
    const { options, args, pid } = JSON.parse(child.stdout) as { options: string[]; args: string[]; pid: number };
    expect(options).toEqual(['--max-semi-space-size=4']);
    expect(args).toEqual(['exit', '0']);
    expect(pid).toBe(child.pid);
  });

  it("leaves the operator's own bound as it is", () => {
    const env = { ...process.env, NODE_OPTIONS: '--max-semi-space-size=8' };
    const child = spawnSync(process.execPath, [lasting, 'exit', '0'], { encoding: 'utf8', env });
    expect(JSON.parse(child.stdout)).toMatchObject({ options: [] });
  });

  it('says in one sentence that Node is too old, with the code for a wrong configuration', () => {
    const refusal = `require(${JSON.stringify(join(import.meta.dirname, 'find-node.cjs'))}).refuse('this is v18.0.0')`;
    const answer = spawnSync(process.execPath, ['-e', refusal], { encoding: 'utf8' });
    expect(answer.status).toBe(78);
    expect(answer.stderr).toMatch(/^Latchkey needs Node\.js 24 or newer, this is v18\.0\.0: .*\.nvmrc.*\.\n$/);
  });
});

async function serve(): Promise<{ launcher: ChildProcess; pid: number }> {
  const launcher = spawn(process.execPath, [outer, 'serve'], { stdio: ['ignore', 'pipe', 'inherit'] });
  const [line] = (await once(launcher.stdout, 'data')) as [Buffer];
  const { pid } = JSON.parse(line.toString()) as { pid: number };
  return { launcher, pid };
}

function isAlive(pid: number): boolean {
  return spawnSync('kill', ['-0', String(pid)]).status === 0;
}
