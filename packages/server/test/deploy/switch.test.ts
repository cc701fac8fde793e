/** `deploy/switch.sh` leads a real Caddy from one stand-in for a stack to another, and back when the new one is unfit. */
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest';
import { type Program, type Settings, startProgram } from '../../../../e2e/support/program.ts';
import { EdgeConnection, isHandshakeAborted, isRefused } from '../support/edge.ts';
import { SwitchedStacks } from '../support/switched-stacks.ts';
import { eventually } from '../support/wait.ts';

const script = join(import.meta.dirname, '../../../../deploy/switch.sh');

let stacks: SwitchedStacks;
let blue: SwitchedStacks['blue'];
let green: SwitchedStacks['green'];

beforeAll(async () => {
  stacks = await SwitchedStacks.start();
  ({ blue, green } = stacks);
});
afterAll(() => stacks[Symbol.asyncDispose]());
beforeEach(() => stacks.reset());

function startSwitch(to: string, settings: Settings = {}): Program {
  return startProgram([script, to], { ...stacks.settings, ...settings });
}

async function runSwitch(
  to: string,
  settings: Settings = {},
): Promise<{ readonly code: number | null; readonly output: string }> {
  const program = startSwitch(to, settings);
  const { code } = await program.exited;
  return { code, output: program.stdout() + program.stderr() };
}

async function openConnection(): Promise<EdgeConnection> {
  try {
    return await EdgeConnection.open(stacks.caddy);
  } catch (error) {
    if (isHandshakeAborted(error)) return await openConnection();
    throw error;
  }
}

/** The stack that responds now, or the status of an error. */
async function ask(): Promise<string> {
  using connection = await openConnection();
  try {
    const { status, body } = await connection.send('GET', '/');
    return status === 200 ? body : String(status);
  } catch (error) {
    if (isRefused(error)) return await ask();
    throw error;
  }
}

const active = () => stacks.active();
const only = (stack: SwitchedStacks['blue']) => `to ${stack.address}\nlb_policy least_conn\n`;

it('leads all requests to a stack that is ready, and none to the other', async () => {
  expect(await ask()).toBe('blue');
  const { code, output } = await runSwitch('green');
  expect([code, output]).toEqual([0, expect.stringContaining('green is well')]);
  expect(await ask()).toBe('green');
  expect(active()).toBe(only(green));
});

it('does not switch to a stack that is not ready', async () => {
  green.isReady = false;
  expect(await runSwitch('green')).toEqual({ code: 1, output: 'switch: green is not ready; nothing was switched\n' });
  expect([await ask(), active(), green.requests]).toEqual(['blue', only(blue), 0]);
});

it('leads the requests back when the stack turns red, and no request fails meanwhile', async () => {
  const program = startSwitch('green', { WATCH_SECONDS: '30' });
  await eventually(async () => (await ask()) === 'green', { what: 'green has the requests' });
  green.isReady = false;
  const seen = new Set<string>();
  while (!program.hasExited()) seen.add(await ask());
  expect((await program.exited).code).toBe(1);
  expect(program.stdout()).toContain('green is unfit: it was not ready 2 times in succession');
  expect([...seen].sort()).toEqual(['blue', 'green']);
  expect([await ask(), active()]).toEqual(['blue', only(blue)]);
});

it('leads the requests back when too many fail', async () => {
  const program = startSwitch('green', { WATCH_SECONDS: '30', ERROR_REQUESTS: '10' });
  await eventually(async () => (await ask()) === 'green', { what: 'green has the requests' });
  green.requests += 900;
  green.failed += 100;
  expect((await program.exited).code).toBe(1);
  expect(program.stdout()).toMatch(/green is unfit: 100 of 1\d{3} requests failed/);
  expect([await ask(), active()]).toEqual(['blue', only(blue)]);
});

it.each(['SIGHUP', 'SIGINT', 'SIGTERM'] as const)('leads the requests back when %s ends the watch', async (signal) => {
  const program = startSwitch('green', { WATCH_SECONDS: '30' });
  await eventually(() => program.stdout().includes('is watched for'), { what: 'green is watched' });
  program.signal(signal);
  expect((await program.exited).code).toBe(1);
  expect(program.stdout()).toContain('green is unfit: the watch was interrupted');
  expect([await ask(), active()]).toEqual(['blue', only(blue)]);
});

it('leads the requests back also when nothing reads its output any more', async () => {
  const settings = { ...stacks.settings, WATCH_SECONDS: '30' };
  const program = startProgram(['sh', '-c', '"$0" green | head -n 1', script], settings);
  await eventually(() => program.stdout().includes('is watched for'), { what: 'green is watched' });
  green.isReady = false;
  await eventually(() => active() === only(blue), { what: 'the requests are led back' });
  await program.exited;
});

it('refuses a second switch while one is in progress', async () => {
  const first = startSwitch('green');
  await eventually(() => first.stdout().includes('is watched for'), { what: 'green is watched' });
  const output = 'switch: another switch is in progress; nothing was switched\n';
  expect(await runSwitch('blue')).toEqual({ code: 1, output });
  expect((await first.exited).code).toBe(0);
  expect(active()).toBe(only(green));
});

it('keeps the configuration when Caddy refuses the new one', async () => {
  const { code, output } = await runSwitch('green', { GREEN_NODES: 'http://127.0.0.1:1/path' });
  expect([code, output]).toEqual([1, expect.stringContaining('Caddy does not accept the configuration')]);
  expect([await ask(), active()]).toEqual(['blue', only(blue)]);
});

it.each([[[]], [['red']], [['blue', 'green']]])('exits with 2 for the arguments %j', async (names) => {
  const program = startProgram([script, ...names], { SWITCH_SETTINGS: '/dev/null' });
  expect(await program.exited).toEqual({ code: 2, signal: null });
  expect(program.stderr()).toBe('usage: switch.sh <blue|green>\n');
});
