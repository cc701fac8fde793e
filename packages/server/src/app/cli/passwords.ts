/** `latchkey passwords`: builds the filter of breached passwords. */
import { resolve } from 'node:path';
import {
  buildPasswordFilter,
  type PasswordFilterHeader,
  PasswordListUnusable,
  passwordFilterBytes,
} from '#domain/passwords/index.ts';
import { OperatorError } from '../operator-error.ts';
import { type LocalCommand, textOf } from './command.ts';

export const passwordsCommands: readonly LocalCommand[] = [
  {
    needs: 'config',
    name: 'passwords build-filter',
    summary: 'Build the file for LATCHKEY_PASSWORD_FILTER from a list of passwords or SHA-1 hashes, one per line',
    arguments: ['FILE'],
    options: {
      output: { type: 'string', value: 'PATH', description: 'The file to write (default FILE.filter)' },
    },
    run: async (input) => {
      const list = input.arguments[0] ?? '';
      const target = textOf(input, 'output') ?? `${list}.filter`;
      const header = await build(resolve(list), resolve(target));
      const bytes = passwordFilterBytes(header);
      const text = `Wrote ${target}: ${header.passwords} passwords, ${bytes} bytes. Restart the server to use it.`;
      return { exitCode: 0, text, data: { path: target, passwords: header.passwords, bytes } };
    },
  },
];

async function build(list: string, target: string): Promise<PasswordFilterHeader> {
  try {
    return await buildPasswordFilter(list, target);
  } catch (error) {
    if (!(error instanceof PasswordListUnusable || (error instanceof Error && 'code' in error))) throw error;
    throw new OperatorError(`The filter could not be built: ${error.message}.`, 1);
  }
}
