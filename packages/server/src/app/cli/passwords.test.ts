import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import type { Config } from '#config/index.ts';
import { PasswordFilter } from '#domain/passwords/index.ts';
import type { CommandIo } from './command.ts';
import { runCommand } from './run-command.ts';

const folder = mkdtempSync(join(tmpdir(), 'latchkey-passwords-'));

afterAll(() => rmSync(folder, { recursive: true, force: true }));

async function build(...args: readonly string[]): Promise<[number, string]> {
  const output: string[] = [];
  const io = { out: (text: string) => output.push(text), err: (text: string) => output.push(text) };
  const argv = ['passwords', 'build-filter', ...args];
  const code = await runCommand({ argv, io: io as unknown as CommandIo, loadConfig: async () => ({}) as Config });
  return [code, output.join('')];
}

it('passwords build-filter writes FILE.filter, or --output, and prints its size', async () => {
  const list = join(folder, 'list.txt');
  writeFileSync(list, 'one password\nanother password\n');
  for (const [options, target] of [
    [[], `${list}.filter`],
    [['--output', join(folder, 'elsewhere')], join(folder, 'elsewhere')],
  ] as const) {
    expect(await build(list, ...options)).toEqual([
      0,
      `Wrote ${target}: 2 passwords, 8192 bytes. Restart the server to use it.\n`,
    ]);
    const filter = await PasswordFilter.open(target);
    expect([await filter.has('another password'), await filter.has('a third one')]).toEqual([true, false]);
    await filter.close();
  }
});

it('passwords build-filter fails for an empty list, for other hashes than SHA-1, and if it would replace the list', async () => {
  const [empty, ntlm, list] = [join(folder, 'empty'), join(folder, 'ntlm'), join(folder, 'kept')];
  writeFileSync(empty, '');
  writeFileSync(ntlm, `${'0123456789abcdef'.repeat(2)}:5\n`.repeat(20));
  writeFileSync(list, 'one password\n');
  const expected = 'expected passwords or their SHA-1, one per line.';
  for (const [args, reason] of [
    [[empty], `${empty} has no passwords; ${expected}`],
    [[ntlm], `${ntlm} has hashes that are not SHA-1, such as NTLM or MD5; ${expected}`],
    [[list, '--output', list], `${list} is the list itself, which the filter would replace.`],
  ] as const) {
    const [code, output] = await build(...args);
    expect([code, output.trim()]).toEqual([1, `The filter could not be built: ${reason}`]);
  }
  expect(readFileSync(list, 'utf8')).toBe('one password\n');
  expect(existsSync(`${empty}.filter`)).toBe(false);
});
