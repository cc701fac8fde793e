import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import type { Config } from '#config/index.ts';
import { PasswordFilter } from '#platform/password-filter/index.ts';
import type { CommandIo } from './command.ts';
import { runCommand } from './run-command.ts';

const folder = mkdtempSync(join(tmpdir(), 'latchkey-passwords-'));

afterAll(() => rmSync(folder, { recursive: true, force: true }));

it('passwords build-filter writes a filter beside the list, or where it is told to, and says how large it is', async () => {
  const list = join(folder, 'list.txt');
  writeFileSync(list, 'one password\nanother password\n');
  for (const [options, target] of [
    [[], `${list}.filter`],
    [['--output', join(folder, 'elsewhere')], join(folder, 'elsewhere')],
  ] as const) {
    const said: string[] = [];
    const io = { out: (text: string) => said.push(text), err: (text: string) => said.push(text) };
    const argv = ['passwords', 'build-filter', list, ...options];
    const code = await runCommand({ argv, io: io as unknown as CommandIo, loadConfig: () => ({}) as Config });
    expect([code, said.join('')]).toEqual([
      0,
      `Wrote ${target}: 2 passwords, 8192 bytes. Restart the server to use it.\n`,
    ]);
    const filter = await PasswordFilter.open(target);
    expect([await filter.has('another password'), await filter.has('a third one')]).toEqual([true, false]);
    await filter.close();
  }
});
