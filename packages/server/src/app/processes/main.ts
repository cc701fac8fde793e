/** The program of one serving process of several, which the parent forks. */
import { exit } from '../exit.ts';
import { ProcessEnd } from '../process-end.ts';
import type { Share } from './messages.ts';

const end = new ProcessEnd();
end.watchErrors();
end.watchSignals();
// The parent has ended in any way, including SIGKILL: this process would keep the port, and nothing would replace it.
process.once('disconnect', () =>
  end.request({ reason: 'the parent process has ended', exitCode: 1, isOrderly: false }),
);
await exit(await Promise.race([end.unattended, run()]));

async function run(): Promise<number> {
  try {
    const { runServingProcess } = await import('./program.ts');
    return await runServingProcess(JSON.parse(process.argv[2] ?? '') as Share, end);
  } catch (error) {
    end.fail(error);
    return end.unattended;
  }
}
