/** Every command of the list in three places: no server, a server on the embedded database, a server on PostgreSQL. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { commands } from '#app/cli/list.ts';
import { eventually } from '#test/support/wait.ts';
import { client, dataOf, refusalOf, type Tokens } from '../../../../e2e/support/client.ts';
import { launcher, startProgram } from '../../../../e2e/support/program.ts';
import { openPlace, type Place, type PlaceName, placeNames } from './places.ts';
import { latchkey, onTerminal, type Ran } from './run.ts';
import { processes, type Row, table } from './table.ts';

const password = 'correct horse battery staple';

function exitOf({ exit = 0 }: Row, place: PlaceName): number {
  return typeof exit === 'number' ? exit : exit[place];
}

function wordsOf({ says }: Row, place: PlaceName): RegExp {
  return says instanceof RegExp ? says : says[place];
}

/** A failure is one sentence on standard error, and nothing else. */
function expectFailure(ran: Ran, code: number, says: RegExp): void {
  expect(ran.code, ran.stderr).toBe(code);
  expect(ran.stderr.trimEnd()).toMatch(says);
  expect(ran.stderr.trimEnd().split('\n')).toHaveLength(1);
  expect(ran.stdout).toBe('');
}

it('has rows for exactly the commands that there are', () => {
  const rows = new Set([...table, ...processes].map(({ command }) => command));
  expect([...rows].sort()).toEqual(commands.map(({ name }) => name).sort());
});

describe.each(placeNames)('%s', (name) => {
  let place: Place;

  beforeAll(async () => {
    place = await openPlace(name);
  });
  afterAll(() => place?.end());

  const run = (argv: readonly string[], input?: string) => latchkey(argv, place.settings, input);

  it('answers every row of the table', async () => {
    for (const row of table) {
      const argv = [...row.command.split(' '), ...(row.argv ?? [])];
      const ran = await run(argv, row.input);
      const [exit, says] = [exitOf(row, name), wordsOf(row, name)];
      const shown = `${argv.join(' ')}\n${ran.stdout}${ran.stderr}`;
      if (exit !== 0) expectFailure(ran, exit, says);
      else expect({ code: ran.code, stderr: ran.stderr }, shown).toEqual({ code: 0, stderr: '' });
      if (exit === 0) expect(ran.stdout.trimEnd(), shown).toMatch(says);
    }
  });

  it('lets exactly one of two have the address', async () => {
    const create = () => run(['user', 'create', '--email', 'twice@example.com', '--name', 'Two', '--no-password']);
    const both = await Promise.all([create(), create()]);
    expect(both.map(({ code }) => code).toSorted((a, b) => (a ?? 0) - (b ?? 0))).toEqual([0, 1]);
    const listed = await run(['user', 'list', '--limit', '1000']);
    expect(listed.stdout.match(/twice@example\.com/g)).toHaveLength(1);
  });

  it('answers in JSON, failures too', async () => {
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

  const create = ['user', 'create', '--email', 'prompt@example.com', '--name', 'P'];

  it('asks for a password twice at a terminal and shows neither', async () => {
    const ran = await onTerminal(create, place.settings, [
      ['Password: ', `${password}\r`],
      ['The same again: ', `${password}\r`],
    ]);
    expect(ran.stdout).toMatch(/^Password: \r\nThe same again: \r\nCreated prompt@example\.com with the id \S+\r\n$/);
    expect(ran.code).toBe(0);
  });

  it('ends with a sentence when the person at the terminal gives up', async () => {
    const ran = await onTerminal(create, place.settings, [['Password: ', '\u0003']]);
    expect(ran.stdout).toMatch(/^Password: \r\nThere is no password: /);
    expect(ran.code).toBe(2);
  });

  it.each(processes)('$command runs until it is told to stop, or says why it cannot', async (row) => {
    const program = startProgram([process.execPath, launcher, row.command], place.settings);
    if (exitOf(row, name) === 0) {
      await eventually(() => wordsOf(row, name).test(program.stdout()), { what: 'it has started', timeoutMs: 30_000 });
      program.signal('SIGTERM');
    }
    const { code } = await program.ended;
    expect(code, program.stderr()).toBe(exitOf(row, name));
    if (code !== 0) expect(program.stderr().trimEnd()).toMatch(wordsOf(row, name));
    if (code !== 0) expect(program.stderr().trimEnd().split('\n')).toHaveLength(1);
  });
});

describe.each(['server up, embedded', 'server up, PostgreSQL'] as const)('%s', (name) => {
  let place: Place;

  beforeAll(async () => {
    place = await openPlace(name);
  });
  afterAll(() => place?.end());

  it.each(['disable', 'end-sessions'])('user %s ends what the server has remembered, within a second', async (verb) => {
    const email = `${verb}@example.com`;
    const argv = ['user', 'create', '--email', email, '--name', 'U', '--password-stdin'];
    expect(await latchkey(argv, place.settings, password)).toMatchObject({ code: 0 });
    const device = client(place.url ?? '');
    const { accessToken } = dataOf<Tokens>(await device.login(email, password));
    expect((await device.me(accessToken)).ok).toBe(true);
    const ran = await latchkey(['user', verb, email], place.settings);
    expect(ran.stdout).toContain('1 session');
    const dead = async () => !(await device.me(accessToken)).ok;
    await eventually(dead, { what: 'the token is dead', timeoutMs: 1000 });
    expect(refusalOf(await device.me(accessToken))).toBe('not_authenticated');
    expect((await device.login(email, password)).ok).toBe(verb === 'end-sessions');
  });

  it('keys revoke ends what the active key signed, within a second, and not the session', async () => {
    const email = 'revoked@example.com';
    const argv = ['user', 'create', '--email', email, '--name', 'U', '--password-stdin'];
    expect(await latchkey(argv, place.settings, password)).toMatchObject({ code: 0 });
    const device = client(place.url ?? '');
    const { accessToken, refreshToken } = dataOf<Tokens>(await device.login(email, password));
    const [header = ''] = accessToken.split('.');
    const { kid } = JSON.parse(Buffer.from(header, 'base64url').toString()) as { readonly kid: string };
    const ran = await latchkey(['keys', 'revoke', kid], place.settings);
    expect(ran.stdout).toMatch(/^Every token that \S{43} signed is refused from now on; \S{43} signs\. /);
    const dead = async () => !(await device.me(accessToken)).ok;
    await eventually(dead, { what: 'the token is dead', timeoutMs: 1000 });
    const again = await latchkey(['keys', 'revoke', kid], place.settings);
    expect(again).toMatchObject({ code: 0, stdout: `${kid} verifies nothing any more.\n` });
    const refreshed = dataOf<Tokens>(await device.refresh(refreshToken));
    expect((await device.me(refreshed.accessToken)).ok).toBe(true);
  });
});

describe('help', () => {
  it.each(commands.map((command) => command.name))(
    '%s explains itself, whatever the configuration',
    async (command) => {
      const ran = await latchkey([...command.split(' '), '--help'], { LATCHKEY_PORT: 'none' });
      expect(ran).toMatchObject({ code: 0, stderr: '' });
      expect(ran.stdout.startsWith(`latchkey ${command}`)).toBe(true);
    },
  );
});

describe('a configuration that cannot be used', () => {
  it('is said whole, with 78', async () => {
    const ran = await latchkey(['config', 'check'], {
      LATCHKEY_PORT: 'x',
      LATCHKEY_LOG_LEVEL: 'loud',
      LATCHKEY_PROT: '1',
    });
    expect(ran.code).toBe(78);
    for (const named of ['LATCHKEY_PORT', 'LATCHKEY_LOG_LEVEL', 'LATCHKEY_PROT']) expect(ran.stderr).toContain(named);
    expect(ran.stderr).not.toMatch(/\n {4}at /);
  });

  it('names a database that does not answer in one sentence, without its password', async () => {
    const settings = { DATABASE_URL: 'postgres://ada:topsecret@127.0.0.1:1/none', LATCHKEY_DATA_DIR: '/nonexistent' };
    const listed = await latchkey(['user', 'list'], settings);
    expect(listed.code).toBe(1);
    expect(listed.stderr.trimEnd().split('\n')).toHaveLength(1);
    const migrated = await latchkey(['migrate', 'status'], settings);
    expect(migrated).toEqual({ code: 1, stdout: '', stderr: listed.stderr });
    const examined = await latchkey(['doctor'], settings);
    expect(examined.code).toBe(1);
    expect(examined.stdout).toMatch(/^fail +database +The database cannot be used: /m);
    expect(listed.stderr + examined.stdout).not.toContain('topsecret');
  });
});

it('does not mind a reader that has gone', async () => {
  const place = await openPlace('server down');
  const line = `${process.execPath} ${launcher} migrate plan | true; test "\${PIPESTATUS[0]}" = 0`;
  const program = startProgram(['bash', '-c', line], place.settings);
  const { code } = await program.ended;
  await place.end();
  expect({ code, stderr: program.stderr() }).toEqual({ code: 0, stderr: '' });
});
