/** One serving process of several: it reports to its parent instead of having an operator's listener and a banner. */
import type { Config } from '#config/index.ts';
import type { Readiness } from '#flows/probes/index.ts';
import type { Metrics } from '#platform/telemetry/index.ts';
import { explain, runCommand } from '../cli/run-command.ts';
import { terminalIo } from '../cli/terminal.ts';
import type { ProcessEnd } from '../process-end.ts';
import { load } from '../program.ts';
import { serve } from '../serve.ts';
import type { Answers, FromProcess, Question, Share, ToProcess } from './messages.ts';

/** Returns the exit code. */
export async function runServingProcess(share: Share, end: ProcessEnd): Promise<number> {
  try {
    const loadConfig = async () => withShare(await load(), share);
    const roles = { http: true, jobs: share.jobs };
    const onServing = (readiness: Readiness, metrics: Metrics) => report(readiness, metrics, end);
    const context = { config: await loadConfig(), loadConfig, io: terminalIo(), end, runCommand };
    return await serve(context, roles, onServing);
  } catch (error) {
    const { sentence, exitCode } = explain(error);
    await send({ kind: 'failed', sentence });
    return exitCode;
  }
}

function withShare(config: Config, { port, hashConcurrency }: Share): Config {
  return { ...config, http: { ...config.http, port }, passwords: { ...config.passwords, hashConcurrency } };
}

/** From now on answers the questions of the parent, and reads secrets again with it. */
function report(readiness: Readiness, metrics: Metrics, end: ProcessEnd): void {
  const answers: { readonly [K in keyof Answers]: () => Promise<Answers[K]> } = {
    readiness: () => readiness.read(),
    metrics: () => metrics.snapshot(),
  };
  const answer = async ({ id, ask }: Question) => send({ kind: 'answer', id, answer: await answers[ask]() });
  process.on('message', (message: ToProcess) => {
    if (message.kind === 'reload') end.reload();
    else void answer(message);
  });
  void send({ kind: 'ready' });
}

/** Resolves when the message is written. One that the parent cannot get any more is lost with the parent. */
function send(message: FromProcess): Promise<void> {
  return new Promise((resolve) => {
    if (process.connected) process.send?.(message, undefined, undefined, () => resolve());
    else resolve();
  });
}
