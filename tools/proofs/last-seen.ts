/** 10,000 active sessions on one node: the timer writes every last-seen time within 70 seconds, and logins while the times are written again and again have a p99 of at most 1.25 times that of other logins. */
import { median, quantileOf } from '../../bench/support/windows.ts';
import { LastSeenTrial } from '../../packages/server/test/last-seen/trial.ts';
import { eventually } from '../../packages/server/test/support/wait.ts';
import { readNumbers } from './support/options.ts';
import { provideDatabase } from './support/provide-database.ts';
import { endWithSignals } from './support/signals.ts';
import { tableLines } from './support/table.ts';

endWithSignals();
/** `every`: milliseconds between logins, far more than one takes, so that they do not wait for each other. */
const { sessions, rounds, every: loginEveryMs } = readNumbers({ sessions: 10_000, rounds: 24, every: 100 });

const windowMs = 4000;
const writtenWithinMs = 70_000;
const tolerance = 1.25;
const warmUpMs = 3000;

await using postgres = await provideDatabase();
const perUser = 60;
const users = 2 + Math.ceil((rounds * 2 * windowMs + warmUpMs) / loginEveryMs / perUser);
const trial = await LastSeenTrial.open(postgres.url, { sessions, users });

const windows: { readonly quiet: number[]; readonly writing: number[]; readonly writeMs: number }[] = [];
await trial.logins(loginEveryMs, warmUpMs);
for (let round = 0; round < rounds; round += 1) {
  // Alternating order, so that neither side always follows the other.
  const first = round % 2 === 0 ? undefined : await writing();
  const quiet = await trial.logins(loginEveryMs, windowMs);
  const { samples, writeMs } = first ?? (await writing());
  windows.push({ quiet, writing: samples, writeMs });
}

trial.noteAll();
const startedMs = performance.now();
trial.startTimer();
await eventually(async () => (await trial.written()) === sessions, {
  what: `all ${sessions} times are written`,
  timeoutMs: writtenWithinMs,
});
const timerSeconds = (performance.now() - startedMs) / 1000;
await trial.close();

const [quiet, written] = [windows.flatMap((window) => window.quiet), windows.flatMap((window) => window.writing)];
const ratio = quantileOf(written, 0.99) / quantileOf(quiet, 0.99);
const head = ['logins', 'samples', 'median (ms)', 'p99 (ms)', 'slowest (ms)'];
for (const line of tableLines(head, [toRow('without a write', quiet), toRow('during a write', written)])) {
  console.log(line);
}
const writeSeconds = median(windows.map(({ writeMs }) => writeMs)) / 1000;
console.log(
  `${sessions} times were written in ${writeSeconds.toFixed(2)} s (median), by the timer after ${timerSeconds.toFixed(0)} s`,
);
console.log(`p99 during a write: ${ratio.toFixed(2)} times that without one; at most ${tolerance}`);
process.exitCode = ratio <= tolerance ? 0 : 1;

/** Logins while the times of all sessions are written again and again. */
async function writing() {
  const logins = trial.logins(loginEveryMs, windowMs);
  const until = performance.now() + windowMs;
  const times: number[] = [];
  while (performance.now() < until) {
    trial.noteAll();
    const begunMs = performance.now();
    await trial.flush();
    times.push(performance.now() - begunMs);
  }
  if ((await trial.written()) !== sessions) throw new Error('a last-seen time was not written');
  return { samples: await logins, writeMs: median(times) };
}

function toRow(name: string, samples: readonly number[]): (string | number)[] {
  const at = (share: number) => Number(quantileOf(samples, share).toFixed(2));
  return [name, samples.length, at(0.5), at(0.99), at(1)];
}
