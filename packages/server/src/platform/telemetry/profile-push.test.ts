import { pbkdf2Sync } from 'node:crypto';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import { systemClock } from '#kernel/clock.ts';
import { readPprof } from '#test/support/pprof-profile.ts';
import { eventually } from '#test/support/wait.ts';
import { ProfilePush, type ProfileWindow } from './profile-push.ts';

const directoryUrl = new URL('./', import.meta.url).href;

/** Of PBKDF2: many samples in a window. */
const turns = 300_000;

function start(send: (window: ProfileWindow) => Promise<boolean>) {
  const dropped: number[] = [];
  const push = new ProfilePush({
    clock: systemClock,
    windowSeconds: 0.2,
    directoryUrl,
    send,
    onDropped: () => dropped.push(1),
  });
  const running = push.run();
  const close = async () => {
    push.close();
    await running;
  };
  return { dropped, close };
}

it('sends window after window, with the planted function as the one that uses the CPU, and no value', async () => {
  const windows: ProfileWindow[] = [];
  const push = start(async (window) => windows.push(window) > 0);
  const secret = 'lk_planted_secret';
  // A call of native code: V8 does not name every function that it optimizes while it runs.
  function plantedBusyFunction(): boolean {
    return pbkdf2Sync(secret, 'salt', turns, 32, 'sha256').length > 0 && windows.length >= 3;
  }
  await eventually(plantedBusyFunction, { what: 'three windows' });
  await push.close();
  expect(push.dropped).toEqual([]);

  const window = windows[1];
  const profile = readPprof(window?.pprof ?? Buffer.alloc(0));
  expect(profile.sampleTypes).toEqual(['samples/count', 'cpu/nanoseconds']);
  expect([profile.periodType, profile.period]).toEqual(['cpu/nanoseconds', 10_000_000]);
  expect(profile.time).toEqual(window?.from);
  expect(profile.durationMs).toBeGreaterThanOrEqual(190);
  const samples = windows.flatMap(({ pprof }) => readPprof(pprof).samples);
  const used = (matches: (name: string) => boolean) =>
    samples.reduce((sum, { stack, values }) => sum + (stack.some(({ name }) => matches(name)) ? values[1]! : 0), 0);
  const planted = used((name) => name === plantedBusyFunction.name);
  // A machine that is busy leaves samples out.
  expect(planted).toBeGreaterThan(30_000_000);
  expect(planted / used(() => true)).toBeGreaterThan(0.5);
  const frame = samples.flatMap(({ stack }) => stack).find(({ name }) => name === plantedBusyFunction.name);
  expect(fileURLToPath(new URL(frame?.file ?? '', directoryUrl))).toBe(fileURLToPath(import.meta.url));
  expect(samples.flatMap(({ stack }) => stack).map(({ name }) => name)).not.toContain('(idle)');
  expect(JSON.stringify(profile)).not.toContain(secret);
});

it('counts windows that are refused, and those that end while one is still being sent', async () => {
  const refusing = start(async () => false);
  await eventually(() => refusing.dropped.length >= 2, { what: 'two refused windows' });
  await refusing.close();

  const { promise, resolve } = Promise.withResolvers<boolean>();
  let sent = 0;
  const slow = start(() => {
    sent += 1;
    return promise;
  });
  await eventually(() => slow.dropped.length >= 2, { what: 'two dropped windows' });
  expect(sent).toBe(1);
  resolve(true);
  await slow.close();
});
