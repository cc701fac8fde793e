/** `latchkey serve` and `latchkey work`: a process that runs until a signal stops it. */
import type { Config } from '#config/index.ts';
import { banner } from './banner.ts';
import type { CommandIo, RunCommand } from './cli/command.ts';
import { listenForControl } from './control.ts';
import { boundHeapGrowth } from './heap-growth.ts';
import { OperatorError } from './operator-error.ts';
import { lowerPoolThreads } from './pool-threads.ts';
import { isFirstProcess, leaveParent } from './processes.ts';
import { type Roles, run } from './running.ts';
import { firstSignal } from './signals.ts';
import { wire } from './wiring.ts';

/** Serves until a signal; returns the exit code. */
export async function serve(config: Config, roles: Roles, io: CommandIo, runCommand: RunCommand): Promise<number> {
  if (!roles.http && config.mail.smtp === undefined) {
    throw new OperatorError('"latchkey work" needs SMTP_URL: the built-in inbox lives in the serving process.', 78);
  }
  const signal = firstSignal();
  const services = await wire(config);
  lowerPoolThreads();
  const running = await run(services, roles).catch(async (error: unknown) => {
    await services.close();
    throw error;
  });
  boundHeapGrowth();
  const control = await listenForControl(running, runCommand);
  if (isFirstProcess()) io.out(banner(running, roles));
  const name = await signal.received;
  services.logger.info('stopping', { signal: name });
  await control.close();
  await running.stop();
  signal.forget();
  leaveParent();
  return 0;
}
