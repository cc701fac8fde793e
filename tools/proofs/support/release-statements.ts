import { fileURLToPath } from 'node:url';
import { startProgram } from '../../../e2e/support/program.ts';
import type { Statement } from '../../../packages/server/src/platform/database/index.ts';

/** The statements that a checkout declares. */
export async function statementsOf(checkout: string): Promise<readonly Statement[]> {
  const script = fileURLToPath(new URL('./print-statements.ts', import.meta.url));
  const program = startProgram([process.execPath, script, checkout], {}, { directory: checkout });
  const { code } = await program.exited;
  if (code !== 0) throw new Error(`the statements of ${checkout} cannot be read: ${program.stderr()}`);
  return JSON.parse(program.stdout()) as readonly Statement[];
}
