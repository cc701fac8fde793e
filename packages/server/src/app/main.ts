/** The program `latchkey <command>`. Signals and errors are handled before the rest is loaded. */
import { exit } from './exit.ts';
import { ProcessEnd } from './process-end.ts';

const end = new ProcessEnd();
const argv = process.argv.slice(2);
end.watchErrors();
if (argv[0] === 'serve' || argv[0] === 'work') end.watchSignals();
await exit(await Promise.race([end.unattended, run()]));

async function run(): Promise<number> {
  try {
    const { runProgram } = await import('./program.ts');
    return await runProgram(argv, end);
  } catch (error) {
    end.fail(error);
    return end.unattended;
  }
}
