/** SIGKILL while every flow of an account's life is under way at once, and what is there afterwards. */
import { setTimeout as pause } from 'node:timers/promises';
import type { Client as Database } from 'pg';
import { eventually } from '#test/support/wait.ts';
import type { Client } from '../../../../e2e/support/client.ts';
import { type SmtpSink, startSmtpSink } from '../../../../e2e/support/smtp-sink.ts';
import { type Chance, chanceOf } from './chance.ts';
import { type Deployment, deploy, type Victim } from './deployment.ts';
import { findHalfDone } from './half-done.ts';
import { type Ground, type LifeFlow, lifeFlows, type Prepared } from './life-flows.ts';

/** What came of one flow in all trials. */
export type FlowReport = {
  readonly flow: string;
  readonly trials: number;
  /** Answered with 2xx before the crash. */
  readonly answered: number;
  /** Without an answer, and there afterwards. */
  readonly happened: number;
  /** Without an answer, and not there. */
  readonly vanished: number;
};

/** What came of all trials of one victim. */
export type LifeReport = {
  readonly victim: Victim;
  readonly flows: readonly FlowReport[];
  /** One sentence for everything that was lost or half done. */
  readonly faults: readonly string[];
};

/** What one person was told, and what the crash left of it. */
type Story = {
  readonly trial: number;
  readonly flow: LifeFlow;
  readonly prepared: Prepared;
  /** When everybody was prepared and asking began. */
  readonly askedAt: Date;
  told: 'answered' | 'pending';
  isThere: boolean;
};

/** Prepares one person for each flow, lets all ask at once, kills the victim, and does that again and again. */
export async function runLifeTrials(victim: Victim, trials: number, seed: number): Promise<LifeReport> {
  const chance = chanceOf(seed);
  const sink = await startSmtpSink();
  await using deployment = await deploy(victim, sink.url);
  const stories: Story[] = [];
  const faults: string[] = [];
  for (let trial = 1; trial <= trials; trial += 1) {
    const told = await crashOnce(deployment, sink, chance, trial);
    stories.push(...told);
    const found = await deployment.inspect((database) => inspect(database, told));
    faults.push(...found.map((fault) => `trial ${trial}: ${fault}`));
    await deployment.revive();
  }
  for (const story of stories) {
    faults.push(...(await settle(deployment.node(), sink, story)).map((fault) => `${nameOf(story)}: ${fault}`));
  }
  await sink.close();
  return { victim, flows: lifeFlows.map((flow) => sum(flow, stories)), faults };
}

async function crashOnce(deployment: Deployment, sink: SmtpSink, chance: Chance, trial: number): Promise<Story[]> {
  const node = deployment.node();
  const ground: Ground = { node, sink, invite: (email) => deployment.command(['invite', 'create', '--email', email]) };
  const everybody = await Promise.all(
    lifeFlows.map(async (flow, index) => {
      const prepared = await flow.prepare(ground, `life-${trial}-${index}@example.com`);
      return { flow, prepared };
    }),
  );
  const askedAt = new Date();
  const stories = everybody.map((one): Story => ({ ...one, trial, askedAt, told: 'pending', isThere: false }));
  // Counted in answers and not in time, so that on every machine about half of them are on their way.
  const answers = new Answers(chance.between(0, stories.length - 1));
  const asking = stories.map((story) => ask(node, story, chance.between(0, 20), answers));
  await answers.enough;
  await pause(chance.between(0, 10));
  await deployment.crash();
  await Promise.all(asking);
  return stories;
}

/** Waits for a number of answers. */
class Answers {
  readonly enough: Promise<void>;
  readonly #resolve: () => void;
  #missing: number;

  constructor(wanted: number) {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.enough = promise;
    this.#resolve = resolve;
    this.#missing = wanted;
    if (wanted === 0) resolve();
  }

  count(): void {
    this.#missing -= 1;
    if (this.#missing <= 0) this.#resolve();
  }
}

async function ask(node: Client, story: Story, afterMs: number, answers: Answers): Promise<void> {
  await pause(afterMs);
  try {
    const answer = await story.prepared.ask(node);
    if (!answer.ok) throw new Error(`${nameOf(story)} was refused with ${answer.code}`);
    story.told = 'answered';
    answers.count();
  } catch (error) {
    // A connection that broke is no answer.
    if (!(error instanceof TypeError)) throw error;
  }
}

type Found = { readonly events: string; readonly templates: string[] | null; readonly jobs: string };

/** The event and the mails of one effect commit together: all are there or none. */
async function inspect(database: Pick<Database, 'query'>, stories: readonly Story[]): Promise<string[]> {
  const faults = await findHalfDone(database);
  for (const story of stories) {
    const { addresses, mails } = story.prepared;
    const templates = mails.map(({ template }) => template);
    const { rows } = await database.query<Found>(
      `with person as (select distinct user_id from identifiers where canonical = any ($1))
      select (select count(*) from audit_events e join person p using (user_id) where e.action = $2) as events,
        (select array_agg(m.template order by m.template) from mail_ledger m join person p using (user_id)
          where m.template = any ($3)) as templates,
        (select count(*) from jobs where kind = $4 and state <> 'dead' and created_at >= $5) as jobs`,
      [addresses, story.flow.action, templates, story.flow.job ?? '', story.askedAt],
    );
    faults.push(...judge(story, rows[0], templates));
  }
  return faults;
}

function judge(story: Story, found: Found | undefined, templates: readonly string[]): string[] {
  const events = Number(found?.events);
  const mails = found?.templates ?? [];
  // One flow of all asks for such a job; those of earlier trials may still be leased to a worker that died.
  story.isThere = events > 0 || Number(found?.jobs) > 0;
  const faults: string[] = [];
  if (story.told === 'answered' && !story.isThere) faults.push(`${nameOf(story)}: it was answered and is not there`);
  if (events > 1) faults.push(`${nameOf(story)}: there are ${events} events`);
  const wanted = events > 0 ? [...templates].sort() : [];
  if (mails.join() !== wanted.join()) faults.push(`${nameOf(story)}: ${events} event and the mails ${mails.join(' ')}`);
  return faults;
}

/** Asks again what has not happened; then every mail arrives, and everything is as it must be. */
async function settle(node: Client, sink: SmtpSink, { prepared, isThere }: Story): Promise<string[]> {
  if (!isThere) {
    const answer = await prepared.ask(node);
    if (!answer.ok) return [`asked again, it is refused with ${answer.code}`];
  }
  for (const { to, says } of prepared.mails) {
    await eventually(() => sink.acceptedFor(to).some(({ text }) => says.test(text.replaceAll(/\s+/g, ' '))), {
      what: `${to} has the mail that says ${says}`,
      // The lease of the worker that died with it must end first.
      timeoutMs: 180_000,
    });
  }
  return (await prepared.isSettled(node)) ? [] : ['it does not end as it must'];
}

function nameOf({ trial, flow }: Story): string {
  return `trial ${trial}, ${flow.name}`;
}

function sum(flow: LifeFlow, stories: readonly Story[]): FlowReport {
  const own = stories.filter((story) => story.flow === flow);
  const pending = own.filter(({ told }) => told === 'pending');
  const happened = pending.filter(({ isThere }) => isThere).length;
  return {
    flow: flow.name,
    trials: own.length,
    answered: own.length - pending.length,
    happened,
    vanished: pending.length - happened,
  };
}
