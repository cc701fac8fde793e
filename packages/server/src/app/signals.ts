/** Handles the signals that stop the process. */
import { systemClock } from '#kernel/clock.ts';

/** npm and process groups deliver a signal up to three times. Repetitions within this time count as one signal. */
const repetitionMs = 2000;

interface FirstSignal {
  readonly received: Promise<NodeJS.Signals>;
  /** Removes the signal handlers. */
  forget(): void;
}

/** Waits for SIGTERM or SIGINT. A second signal after `repetitionMs` exits immediately with 1. */
export function firstSignal(): FirstSignal {
  const { promise, resolve } = Promise.withResolvers<NodeJS.Signals>();
  let firstAtMs: number | undefined;
  const receive = (name: NodeJS.Signals): void => {
    const nowMs = systemClock.monotonicMs();
    firstAtMs ??= nowMs;
    if (nowMs - firstAtMs > repetitionMs) process.exit(1);
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
