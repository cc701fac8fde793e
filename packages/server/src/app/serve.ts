/** `latchkey serve` and `latchkey work`: a process that runs until it is told to stop. */
import type { Config } from '#config/index.ts';
import { systemClock } from '#kernel/clock.ts';
import { banner } from './banner.ts';
import type { CommandIo } from './cli/command.ts';
import { listenForControl } from './control.ts';
import { OperatorError } from './operator-error.ts';
import { type Roles, run } from './running.ts';
import { wire } from './wiring.ts';

/** npm and a process group deliver one signal twice or three times; within this time they are one. */
const oneSignalMs = 2000;

/** Serves until a signal; answers the exit code. */
export async function serve(config: Config, roles: Roles, io: CommandIo): Promise<number> {
  if (!roles.http && config.mail.smtpUrl === undefined) {
    throw new OperatorError('"latchkey work" needs SMTP_URL: the built-in inbox lives in the serving process.', 78);
  }
  const signal = firstSignal();
  const services = await wire(config);
  const running = await run(services, roles).catch(async (error: unknown) => {
    await services.close();
    throw error;
  });
  const control = await listenForControl(running);
  io.out(banner(running, roles));
  const name = await signal.received;
  services.logger.info('stopping', { signal: name });
  await control.close();
  await running.stop();
  signal.forget();
  return 0;
}

interface FirstSignal {
  readonly received: Promise<NodeJS.Signals>;
  forget(): void;
}

/** The first SIGTERM or SIGINT. One that comes after `oneSignalMs` means it: the process ends at once. */
function firstSignal(): FirstSignal {
  const { promise, resolve } = Promise.withResolvers<NodeJS.Signals>();
  let firstAtMs: number | undefined;
  const receive = (name: NodeJS.Signals): void => {
    const nowMs = systemClock.monotonicMs();
    firstAtMs ??= nowMs;
    if (nowMs - firstAtMs > oneSignalMs) process.exit(1);
    resolve(name);
  };
  process.on('SIGTERM', receive);
  process.on('SIGINT', receive);
  const forget = () => {
    process.off('SIGTERM', receive);
    process.off('SIGINT', receive);
  };
  return { received: promise, forget };
}
