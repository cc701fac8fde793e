/** Crashes the target while every flow of `account-flows.ts` is in progress, and checks what was committed. */

import { setTimeout as pause } from 'node:timers/promises';
import type { Client as Database } from 'pg';
import type { Client } from '../../../../e2e/support/client.ts';
import { type SmtpSink, startSmtpSink } from '../../../../e2e/support/smtp-sink.ts';
import english from '../../locales/en.json' with { type: 'json' };
import { eventually } from '../support/wait.ts';
import { type AccountFlow, accountFlows, type FlowContext, type Prepared } from './account-flows.ts';
import { type CrashTarget, type Deployment, deploy } from './deployment.ts';
import { endLeases } from './ended-leases.ts';
import { findPartialEffects } from './partial-effects.ts';
import { type SeededRandom, seededRandom } from './seeded-random.ts';

/** The outcomes of one flow in all trials. */
export type FlowReport = {
  readonly flow: string;
  readonly trials: number;
  /** Responses with 2xx before the crash. */
  readonly acknowledged: number;
  /** No response, and the effect was committed. */
  readonly committed: number;
  /** No response, and the effect was not committed. */
  readonly notCommitted: number;
};

/** The report of all trials of one target. */
export type AccountCrashReport = {
  readonly target: CrashTarget;
  readonly flows: readonly FlowReport[];
  /** One sentence for each lost or partial effect. */
  readonly faults: readonly string[];
};

/** One run of a flow: the response to its request, and its state after the crash. */
type FlowRun = {
  readonly trial: number;
  readonly flow: AccountFlow;
  readonly prepared: Prepared;
  /** When all runs were prepared and the requests started. */
  readonly requestedAt: Date;
  status: 'acknowledged' | 'pending';
  isCommitted: boolean;
};

/**
 * In each trial, prepares a user for every flow, sends all requests at once and crashes the target.
 *
 * @param isHurried ends the leases of the killed server at once, which is for targets that are servers.
 */
export async function runAccountCrashTrials(
  target: CrashTarget,
  trials: number,
  seed: number,
  { isHurried = false } = {},
): Promise<AccountCrashReport> {
  const random = seededRandom(seed);
  const sink = await startSmtpSink();
  await using deployment = await deploy(target, sink.url);
  const runs: FlowRun[] = [];
  const faults: string[] = [];
  for (let trial = 1; trial <= trials; trial += 1) {
    const crashed = await crashOnce(deployment, sink, random, trial);
    runs.push(...crashed);
    const found = await deployment.inspect((database) => inspect(database, crashed));
    faults.push(...found.map((fault) => `trial ${trial}: ${fault}`));
    if (isHurried) await deployment.inspect(endLeases);
    await deployment.restart();
  }
  for (const run of runs) {
    faults.push(...(await checkAfterRetry(deployment.node(), sink, run)).map((fault) => `${nameOf(run)}: ${fault}`));
  }
  await sink.close();
  return { target, flows: accountFlows.map((flow) => reportOf(flow, runs)), faults };
}

async function crashOnce(
  deployment: Deployment,
  sink: SmtpSink,
  random: SeededRandom,
  trial: number,
): Promise<FlowRun[]> {
  const node = deployment.node();
  const context: FlowContext = {
    node,
    sink,
    invite: (email) => deployment.command(['invite', 'create', '--email', email]),
  };
  const preparedFlows = await Promise.all(
    accountFlows.map(async (flow, index) => {
      const prepared = await flow.prepare(context, `crash-${trial}-${index}@example.com`);
      return { flow, prepared };
    }),
  );
  const requestedAt = new Date();
  const runs = preparedFlows.map(
    (one): FlowRun => ({ ...one, trial, requestedAt, status: 'pending', isCommitted: false }),
  );
  // Waits for responses instead of time, so that about half of the requests are pending on any machine.
  const responses = new ResponseCounter(random.between(0, runs.length - 1));
  const requests = runs.map((run) => send(node, run, random.between(0, 20), responses));
  await responses.reached;
  await pause(random.between(0, 10));
  await deployment.crash();
  await Promise.all(requests);
  return runs;
}

/** Resolves after a number of responses. */
class ResponseCounter {
  readonly reached: Promise<void>;
  readonly #resolve: () => void;
  #missing: number;

  constructor(expected: number) {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.reached = promise;
    this.#resolve = resolve;
    this.#missing = expected;
    if (expected === 0) resolve();
  }

  count(): void {
    this.#missing -= 1;
    if (this.#missing <= 0) this.#resolve();
  }
}

async function send(node: Client, run: FlowRun, afterMs: number, responses: ResponseCounter): Promise<void> {
  await pause(afterMs);
  try {
    const response = await run.prepared.request(node);
    if (!response.ok) throw new Error(`${nameOf(run)} was rejected with ${response.code}`);
    run.status = 'acknowledged';
    responses.count();
  } catch (error) {
    // A broken connection is no response.
    if (!(error instanceof TypeError)) throw error;
  }
}

type CommittedRows = { readonly events: string; readonly templates: string[] | null; readonly jobs: string };

/** The event and the mails of one effect are committed together, or none of them. */
async function inspect(database: Pick<Database, 'query'>, runs: readonly FlowRun[]): Promise<string[]> {
  const faults = await findPartialEffects(database);
  for (const run of runs) {
    const { addresses, mails } = run.prepared;
    const templates = mails.map(({ template }) => template);
    const { rows } = await database.query<CommittedRows>(
      `with target as (select distinct user_id from identifiers where canonical = any ($1))
      select (select count(*) from audit_events e join target p using (user_id) where e.action = $2) as events,
        (select array_agg(m.template order by m.template) from mail_ledger m join target p using (user_id)
          where m.template = any ($3)) as templates,
        (select count(*) from jobs where kind = $4 and state <> 'dead' and created_at >= $5) as jobs`,
      [addresses, run.flow.action, templates, run.flow.job ?? '', run.requestedAt],
    );
    faults.push(...checkRows(run, rows[0], templates));
  }
  return faults;
}

function checkRows(run: FlowRun, found: CommittedRows | undefined, templates: readonly string[]): string[] {
  const events = Number(found?.events);
  const mails = found?.templates ?? [];
  // Only one flow enqueues this kind of job; jobs of earlier trials may still be leased to a dead worker.
  run.isCommitted = events > 0 || Number(found?.jobs) > 0;
  const faults: string[] = [];
  if (run.status === 'acknowledged' && !run.isCommitted)
    faults.push(`${nameOf(run)}: it was acknowledged but not committed`);
  if (events > 1) faults.push(`${nameOf(run)}: it wrote ${events} events`);
  const expected = events > 0 ? [...templates].sort() : [];
  if (mails.join() !== expected.join())
    faults.push(`${nameOf(run)}: ${events} event, but the mails ${mails.join(' ')}`);
  return faults;
}

/** Retries the request if its effect was not committed; then every mail arrives and the account is in its end state. */
async function checkAfterRetry(node: Client, sink: SmtpSink, { prepared, isCommitted }: FlowRun): Promise<string[]> {
  if (!isCommitted) {
    const response = await prepared.request(node);
    if (!response.ok) return [`the retry was refused with ${response.code}`];
  }
  for (const { to, template } of prepared.mails) {
    const title = titleOf(template);
    await eventually(() => sink.acceptedFor(to).some(({ text }) => text.startsWith(title)), {
      what: `${to} received the mail "${title}"`,
      // The lease of the crashed worker must expire first.
      timeoutMs: 180_000,
    });
  }
  return (await prepared.isInEndState(node)) ? [] : ['the account is not in its end state'];
}

/** The first line of a mail of this template; the texts come from the catalogue, so that a new wording needs no change here. */
function titleOf(template: string): string {
  const title: string | undefined = (english as Readonly<Record<string, string>>)[`mail.${template}.title`];
  if (title === undefined) throw new Error(`the template ${template} has no title`);
  return title;
}

function nameOf({ trial, flow }: FlowRun): string {
  return `trial ${trial}, ${flow.name}`;
}

function reportOf(flow: AccountFlow, runs: readonly FlowRun[]): FlowReport {
  const runsOfFlow = runs.filter((run) => run.flow === flow);
  const pending = runsOfFlow.filter(({ status: crashed }) => crashed === 'pending');
  const committed = pending.filter(({ isCommitted }) => isCommitted).length;
  return {
    flow: flow.name,
    trials: runsOfFlow.length,
    acknowledged: runsOfFlow.length - pending.length,
    committed,
    notCommitted: pending.length - committed,
  };
}
