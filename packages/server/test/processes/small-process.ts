/** A forked process that keeps to the messages of a serving process. `SMALL_PROCESS` in its environment chooses how it behaves. */
import { writeSync } from 'node:fs';
import type { Answers, FromProcess, ToProcess } from '#app/processes/messages.ts';

/** The ways in which a process behaves once it is forked. */
export type Behavior =
  | 'serves'
  | 'is not ready'
  | 'does not answer'
  | 'ignores SIGTERM'
  | 'fails with a sentence'
  | 'rejects its settings'
  | 'exits'
  | 'is killed';

const behavior = process.env.SMALL_PROCESS as Behavior;

let reloads = 0;

const answersNow = (): Answers => ({
  readiness:
    behavior === 'is not ready'
      ? { status: 'not_ready', checks: { database: 'no connection', keys: 'ok' } }
      : { status: 'ready', checks: {} },
  metrics: [
    {
      name: 'requests_total',
      help: 'Requests.',
      type: 'counter',
      values: [{ value: 5, labels: {} }],
      aggregator: 'sum',
    },
    { name: 'sessions', help: 'Sessions.', type: 'gauge', values: [{ value: 3, labels: {} }], aggregator: 'sum' },
    { name: 'reloads', help: 'Reloads.', type: 'gauge', values: [{ value: reloads, labels: {} }], aggregator: 'sum' },
  ],
});

const send = (message: FromProcess) => new Promise<void>((resolve) => process.send?.(message, () => resolve()));

async function failWith(sentence: string, exitCode: number): Promise<never> {
  await send({ kind: 'failed', sentence });
  process.exit(exitCode);
}

if (behavior === 'fails with a sentence') await failWith('The port is taken.', 1);
if (behavior === 'rejects its settings') await failWith('DATABASE_URL has no host.', 78);
if (behavior === 'exits') process.exit(3);
if (behavior === 'is killed') process.kill(process.pid, 'SIGKILL');
if (behavior === 'ignores SIGTERM') process.on('SIGTERM', () => writeSync(2, ''));
process.once('disconnect', () => process.exit(0));
process.on('message', (message: ToProcess) => {
  if (message.kind === 'reload') reloads += 1;
  else if (behavior !== 'does not answer')
    void send({ kind: 'answer', id: message.id, answer: answersNow()[message.ask] });
});
await send({ kind: 'ready' });
