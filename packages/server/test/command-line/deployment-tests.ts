/** Every command in one of three deployments: no server, a server on the embedded database, a server on PostgreSQL. */
import { afterAll, beforeAll, expect, it } from 'vitest';
import { eventually } from '#test/support/wait.ts';
import { client, dataOf, problemOf, type Tokens } from '../../../../e2e/support/client.ts';
import { launcher, startProgram } from '../../../../e2e/support/program.ts';
import type { CommandRow } from './command-row.ts';
import { type Deployment, type DeploymentKind, deploymentKinds, openDeployment } from './deployments.ts';
import { type CommandResult, runHere, runLatchkey, runOnTerminal } from './run.ts';
import { processes, table } from './table.ts';

const password = 'correct horse battery staple';

function exitOf({ exit = 0 }: CommandRow, deployment: DeploymentKind): number {
  return typeof exit === 'number' ? exit : exit[deployment];
}

function outputOf({ output }: CommandRow, deployment: DeploymentKind): RegExp {
  return output instanceof RegExp ? output : output[deployment];
}

/** A failed command prints one sentence to standard error and nothing to standard output. */
function expectFailure(ran: CommandResult, code: number, output: RegExp): void {
  expect(ran.code, ran.stderr).toBe(code);
  expect(ran.stderr.trimEnd()).toMatch(output);
  expect(ran.stderr.trimEnd().split('\n')).toHaveLength(1);
  expect(ran.stdout).toBe('');
}

/** The deployment of a file, opened for its tests. */
export function deploymentOf(name: DeploymentKind): () => Deployment {
  let deployment: Deployment;
  beforeAll(async () => {
    deployment = await openDeployment(name);
  });
  afterAll(() => deployment?.end());
  return () => deployment;
}

/**
 * Starting a process takes longer than most commands: one row of each command runs in a process of its own, in one of the
 * three deployments in turn.
 */
function commandsInProcess(name: DeploymentKind): Set<string> {
  const commands = [...new Set(table.map(({ command }) => command))];
  return new Set(commands.filter((_, index) => deploymentKinds[index % deploymentKinds.length] === name));
}

/** Every command of the table. */
export function testCommands(name: DeploymentKind, deployment: () => Deployment): void {
  const run = (argv: readonly string[], input?: string) => runLatchkey(argv, deployment().settings, input);

  it('runs every row of the table as expected', { timeout: 240_000 }, async () => {
    const inProcess = commandsInProcess(name);
    for (const row of table) {
      const argv = [...row.command.split(' '), ...(row.argv ?? [])];
      const runRow = inProcess.delete(row.command) ? runLatchkey : runHere;
      const ran = await runRow(argv, deployment().settings, row.input);
      const [exit, output] = [exitOf(row, name), outputOf(row, name)];
      const shown = `${argv.join(' ')}\n${ran.stdout}${ran.stderr}`;
      if (exit !== 0) expectFailure(ran, exit, output);
      else expect({ code: ran.code, stderr: ran.stderr }, shown).toEqual({ code: 0, stderr: '' });
      if (exit === 0) expect(ran.stdout.trimEnd(), shown).toMatch(output);
    }
  });

  it('creates one user when two commands use one address at once', async () => {
    const create = () => run(['user', 'create', '--email', 'twice@example.com', '--name', 'Two', '--no-password']);
    const results = await Promise.all([create(), create()]);
    expect(results.map(({ code }) => code).toSorted((a, b) => (a ?? 0) - (b ?? 0))).toEqual([0, 1]);
    const listed = await run(['user', 'list', '--limit', '1000']);
    expect(listed.stdout.match(/twice@example\.com/g)).toHaveLength(1);
  });

  it('prints JSON with --json, for failures as well', async () => {
    const created = await run(
      ['user', 'create', '--email', 'json@example.com', '--name', 'J', '--password-stdin', '--json'],
      password,
    );
    const { id } = JSON.parse(created.stdout) as { readonly id: string };
    const shown = await run(['user', 'show', id, '--json']);
    expect(JSON.parse(shown.stdout)).toMatchObject({ id, email: 'json@example.com', roles: [], liveSessions: 0 });
    const failed = await run(['user', 'show', 'nobody@example.com', '--json']);
    expect(failed.code).toBe(1);
    expect(JSON.parse(failed.stdout)).toEqual({ error: failed.stderr.trimEnd() });
  });
}

/** Prompts on a terminal. */
export function testPrompts(deployment: () => Deployment): void {
  const create = ['user', 'create', '--email', 'prompt@example.com', '--name', 'P'];
  const prompt = 'Password (at least 12 characters): ';

  it('prompts for a password twice on a terminal and echoes neither', async () => {
    const ran = await runOnTerminal(create, deployment().settings, [
      [prompt, `${password}\r`],
      ['Repeat password: ', `${password}\r`],
    ]);
    expect(ran.stdout).toMatch(
      /^Password \(at least 12 characters\): \r\nRepeat password: \r\nCreated prompt@example\.com with the id \S+\r\n$/,
    );
    expect(ran.code).toBe(0);
  });

  it('exits with a sentence when the prompt is interrupted', async () => {
    const ran = await runOnTerminal(create, deployment().settings, [[prompt, '\u0003']]);
    expect(ran.stdout).toMatch(/^Password \(at least 12 characters\): \r\nNo password was entered\. /);
    expect(ran.code).toBe(2);
  });
}

/** Commands that run until they are stopped. */
export function testProcesses(name: DeploymentKind, deployment: () => Deployment): void {
  it.each(processes)('$command runs until it is stopped, or prints the reason why it cannot', async (row) => {
    const program = startProgram([process.execPath, launcher, row.command], deployment().settings);
    if (exitOf(row, name) === 0) {
      await eventually(() => outputOf(row, name).test(program.stdout()), {
        what: 'it has started',
        timeoutMs: 30_000,
      });
      program.signal('SIGTERM');
    }
    const { code } = await program.exited;
    expect(code, program.stderr()).toBe(exitOf(row, name));
    if (code !== 0) expect(program.stderr().trimEnd()).toMatch(outputOf(row, name));
    if (code !== 0) expect(program.stderr().trimEnd().split('\n')).toHaveLength(1);
  });
}

/** Effects of commands on a server that runs. */
export function testEffects(deployment: () => Deployment): void {
  it.each(['disable', 'end-sessions'])('user %s revokes cached sessions within a second', async (verb) => {
    const email = `${verb}@example.com`;
    const argv = ['user', 'create', '--email', email, '--name', 'U', '--password-stdin'];
    expect(await runLatchkey(argv, deployment().settings, password)).toMatchObject({ code: 0 });
    const apiClient = client(deployment().url ?? '');
    const { accessToken } = dataOf<Tokens>(await apiClient.login(email, password));
    expect((await apiClient.me(accessToken)).ok).toBe(true);
    const ran = await runLatchkey(['user', verb, email], deployment().settings);
    expect(ran.stdout).toContain('1 session');
    const isRejected = async () => !(await apiClient.me(accessToken)).ok;
    await eventually(isRejected, { what: 'the token is rejected', timeoutMs: 1000 });
    expect(problemOf(await apiClient.me(accessToken))).toBe('not_authenticated');
    expect((await apiClient.login(email, password)).ok).toBe(verb === 'end-sessions');
  });

  it('keys revoke revokes the tokens of the active key within a second, and not the session', async () => {
    const email = 'revoked@example.com';
    const argv = ['user', 'create', '--email', email, '--name', 'U', '--password-stdin'];
    expect(await runLatchkey(argv, deployment().settings, password)).toMatchObject({ code: 0 });
    const apiClient = client(deployment().url ?? '');
    const { accessToken, refreshToken } = dataOf<Tokens>(await apiClient.login(email, password));
    const [header = ''] = accessToken.split('.');
    const { kid } = JSON.parse(Buffer.from(header, 'base64url').toString()) as { readonly kid: string };
    const ran = await runLatchkey(['keys', 'revoke', kid], deployment().settings);
    const stdout = expect.stringMatching(/^All tokens signed by \S{43} are rejected now\. /);
    expect(ran).toMatchObject({ code: 0, stdout });
    const isRejected = async () => !(await apiClient.me(accessToken)).ok;
    await eventually(isRejected, { what: 'the token is rejected', timeoutMs: 1000 });
    const again = await runLatchkey(['keys', 'revoke', kid], deployment().settings);
    expect(again).toMatchObject({ code: 0, stdout: `${kid} does not verify tokens any more.\n` });
    const refreshed = dataOf<Tokens>(await apiClient.refresh(refreshToken));
    expect((await apiClient.me(refreshed.accessToken)).ok).toBe(true);
  });
}
