/** Being told to stop. */
import { systemClock } from '#kernel/clock.ts';

/** npm and a process group deliver one signal twice or three times; within this time they are one. */
const oneSignalMs = 2000;

/** A wait for the end. */
interface FirstSignal {
  readonly received: Promise<NodeJS.Signals>;
  forget(): void;
}

/** The first SIGTERM or SIGINT. One that comes after `oneSignalMs` means it: the process ends at once. */
export function firstSignal(): FirstSignal {
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
