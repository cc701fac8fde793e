/** `deploy/release-image.sh` with a real Caddy, stand-ins for the stacks, and one for Docker that runs no container. */
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest';
import { startProgram } from '../../../../e2e/support/program.ts';
import { SwitchedStacks } from '../support/switched-stacks.ts';

const script = join(import.meta.dirname, '../../../../deploy/release-image.sh');
const repository = 'ghcr.io/example/latchkey';
const image = `${repository}@sha256:${'5'.repeat(64)}`;

/** Writes each command into `calls`; a command that contains the text of the file `fails` fails. */
const engine = `#!/bin/sh
echo "$*" >> "$STATE/calls"
case "$*" in *"$(cat "$STATE/fails")"*) exit 1 ;; esac
`;

const state = mkdtempSync(join(tmpdir(), 'latchkey-release-image-'));
let stacks: SwitchedStacks;
let blue: SwitchedStacks['blue'];
let green: SwitchedStacks['green'];

beforeAll(async () => {
  stacks = await SwitchedStacks.start();
  ({ blue, green } = stacks);
  writeFileSync(join(state, 'engine'), engine);
  chmodSync(join(state, 'engine'), 0o755);
});

afterAll(async () => {
  await stacks[Symbol.asyncDispose]();
  rmSync(state, { recursive: true });
});

beforeEach(async () => {
  await stacks.reset();
  writeFileSync(join(state, 'calls'), '');
  failOn('nothing fails');
});

const failOn = (part: string) => writeFileSync(join(state, 'fails'), part);
const active = () => stacks.active().split('\n')[0];

async function release(...parameters: readonly string[]) {
  const own = { STATE: state, ENGINE: join(state, 'engine'), IMAGE_REPOSITORY: repository };
  const program = startProgram([script, ...parameters], { ...stacks.settings, ...own });
  const { code } = await program.exited;
  const calls = readFileSync(join(state, 'calls'), 'utf8').split('\n').filter(Boolean);
  return { code, output: program.stdout() + program.stderr(), calls };
}

it('migrates, starts the idle color, switches to it, and stops the one before', async () => {
  const { code, output, calls } = await release(image);
  expect([code, active()]).toEqual([0, `to ${green.address}`]);
  expect(output).toContain('green serves; "back" leads to blue again');
  const begins = ['pull', 'run', 'rm', 'run', 'stop'];
  expect(calls.map((call) => call.split(' ')[0])).toEqual(begins);
  const [pulled, migrated, removed, started, stopped] = calls;
  expect(pulled).toContain(image);
  expect(migrated).toMatch(new RegExp(`--rm ${image} migrate up$`));
  expect(removed).toBe('rm --force latchkey-green');
  expect(started).toContain('--name latchkey-green --restart unless-stopped');
  expect(started).toContain(`LATCHKEY_PORT=${green.address.split(':')[1]}`);
  expect(started).toMatch(new RegExp(`${image} serve$`));
  expect(stopped).toBe('stop --time 45 latchkey-blue');
  for (const run of [migrated, started]) {
    for (const guard of ['--read-only', '--cap-drop ALL', 'no-new-privileges', '/run/secrets:ro'])
      expect(run).toContain(guard);
  }
});

it('goes back to the container before, which it starts again', async () => {
  await stacks.caddy.lead([green.address]);
  const { code, calls } = await release('back');
  expect([code, active()]).toEqual([0, `to ${blue.address}`]);
  expect(calls).toEqual(['start latchkey-blue', 'stop --time 45 latchkey-green']);
});

it.each([
  ['the image cannot be pulled', 'pull', image],
  ['the migration failed', 'migrate up', image],
  ['the container does not start', '--detach', image],
  ['there is no release before', 'start latchkey-green', 'back'],
])('leaves the color that serves when %s', async (sentence, part, wanted) => {
  failOn(part);
  const { code, output, calls } = await release(wanted);
  expect([code, active()]).toEqual([1, `to ${blue.address}`]);
  expect(output).toContain(`release: ${sentence}; blue goes on`);
  expect(calls.at(-1)).toContain(part);
});

it('stops and sets aside the new color when the requests went back', async () => {
  green.isReady = false;
  const { code, output, calls } = await release(image);
  expect([code, active()]).toEqual([1, `to ${blue.address}`]);
  expect(output).toContain('green is not ready; nothing was switched');
  expect(output).toContain('logs latchkey-failed');
  const last = ['stop --time 45 latchkey-green', 'rm --force latchkey-failed', 'rename latchkey-green latchkey-failed'];
  expect(calls.slice(-3)).toEqual(last);
});

it('sets nothing aside when the release before is unfit', async () => {
  green.isReady = false;
  const { code, output, calls } = await release('back');
  expect([code, calls]).toEqual([1, ['start latchkey-green', 'stop --time 45 latchkey-green']]);
  expect(output).toContain('the release before is unfit; blue goes on');
});

it('serves in place of a stack that is no container', async () => {
  failOn('stop --time 45 latchkey-blue');
  const { code, output } = await release(image);
  expect([code, active()]).toEqual([0, `to ${green.address}`]);
  expect(output).toContain('latchkey-blue is no container, and still runs');
});

it('changes nothing when the file of Caddy leads elsewhere', async () => {
  writeFileSync(join(stacks.caddy.directory, 'latchkey.nodes'), 'to 192.0.2.1:5625\nlb_policy least_conn\n');
  const { code, output, calls } = await release(image);
  expect([code, calls]).toEqual([1, []]);
  expect(output).toContain('leads to neither blue nor green');
});

it.each([
  [[]],
  [['back', 'back']],
  [[`${repository}:latest`]],
  [[`${repository}@sha256:${'5'.repeat(63)}`]],
  [[`${repository}@sha256:${'5'.repeat(63)}; reboot`]],
  [[`${repository}@sha256:${'5'.repeat(64)} --privileged`]],
  [[`registry.example.com/latchkey@sha256:${'5'.repeat(64)}`]],
  [[`--privileged`]],
])('runs nothing for the arguments %j', async (parameters) => {
  const { code, output, calls } = await release(...parameters);
  expect([code, calls]).toEqual([2, []]);
  expect(output).toBe('usage: release-image.sh <repository>@sha256:<digest>|back\n');
});
