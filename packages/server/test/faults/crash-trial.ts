import { setTimeout as pause } from 'node:timers/promises';
import { eventually } from '#test/support/wait.ts';
import type { Client, Tokens } from '../../../../e2e/support/client.ts';
import { tokenOf } from '../../../../e2e/support/inbox.ts';
import { type SmtpSink, startSmtpSink } from '../../../../e2e/support/smtp-sink.ts';
import { type CrashTarget, type Deployment, deploy } from './deployment.ts';
import { endLeases } from './ended-leases.ts';
import { findPartialEffects } from './partial-effects.ts';
import { type SeededRandom, seededRandom } from './seeded-random.ts';
import { type Journey, type JourneyContext, linkFor, runJourneys } from './user-journey.ts';

/** The report of all trials of one target. */
export type CrashReport = {
  readonly target: CrashTarget;
  readonly trials: number;
  /** Responses with 2xx whose effects were checked after the crash. */
  readonly acknowledged: number;
  /** Steps that were pending at the crash. */
  readonly pending: number;
  /** One sentence for each lost or partial effect. */
  readonly faults: readonly string[];
};

const concurrentJourneys = 4;

/** The grace period of a refresh whose response was lost, minus the time of the retry. */
const gracePeriodMs = 8000;

/**
 * Crashes the target at random times of the journeys, and checks each time every acknowledged effect.
 *
 * @param isHurried ends the leases of the killed server at once.
 */
export async function runCrashTrials(
  target: CrashTarget,
  trials: number,
  seed: number,
  { isHurried = false } = {},
): Promise<CrashReport> {
  // The server outlives a crash of PostgreSQL, and keeps its leases.
  const endsLeases = isHurried && target !== 'PostgreSQL under the server';
  const random = seededRandom(seed);
  const sink = await startSmtpSink();
  await using deployment = await deploy(target, sink.url);
  const journeys: Journey[] = [];
  const faults: string[] = [];
  for (let trial = 1; trial <= trials; trial += 1) {
    const crash = crashOnce(deployment, sink, random, { name: `trial-${trial}`, endsLeases, isLate: trial % 2 === 0 });
    const outcome = await crash.catch((error: unknown) => {
      throw new Error(`trial ${trial} failed; the server's log:\n${deployment.logs()}`, { cause: error });
    });
    journeys.push(...outcome.journeys);
    faults.push(...outcome.faults.map((fault) => `trial ${trial}: ${fault}`));
  }
  faults.push(...(await findMissingMails(deployment.node(), sink, journeys)));
  await sink.close();
  const acknowledged = journeys.reduce((sum, journey) => sum + journey.acknowledged.size, 0);
  return { target, trials, acknowledged, pending: journeys.filter(({ pending }) => pending).length, faults };
}

type Outcome = { readonly journeys: readonly Journey[]; readonly faults: readonly string[] };

type Trial = {
  readonly name: string;
  readonly endsLeases: boolean;
  /** Counts the time until the crash from the first acknowledged step: on a busy machine none may precede it otherwise. */
  readonly isLate: boolean;
};

async function crashOnce(
  deployment: Deployment,
  sink: SmtpSink,
  random: SeededRandom,
  { name, endsLeases, isLate }: Trial,
): Promise<Outcome> {
  let isCrashed = false;
  let count = 0;
  const acknowledged = Promise.withResolvers<void>();
  const onAcknowledged = acknowledged.resolve;
  const context: JourneyContext = { node: deployment.node(), sink, isCrashed: () => isCrashed, onAcknowledged };
  const nextEmail = () => {
    count += 1;
    return `${name}-${count}@example.com`;
  };
  const running = Promise.all(Array.from({ length: concurrentJourneys }, () => runJourneys(context, nextEmail)));
  if (isLate) await Promise.race([acknowledged.promise, running]);
  await Promise.race([pause(random.between(20, 900)), running]);
  const crashedAtMs = performance.now();
  await deployment.crash();
  isCrashed = true;
  const journeys = (await running).flat();
  const faults = await deployment.inspect(findPartialEffects);
  if (endsLeases) await deployment.inspect(endLeases);
  await deployment.restart();
  const node = deployment.node();
  for (const journey of journeys) faults.push(...(await findLostEffects(node, journey, crashedAtMs)));
  return { journeys, faults };
}

/** Acknowledged effects of this journey that the server lost. */
async function findLostEffects(node: Client, journey: Journey, crashedAtMs: number): Promise<string[]> {
  const { revoked, loggingOut, pending, email, password } = journey;
  const faults: string[] = [];
  if (journey.acknowledged.has('verify') && !(await node.login(email, password)).ok) {
    faults.push(`${email} was verified but cannot log in`);
  }
  if (revoked !== undefined && !(await isRevoked(node, revoked)))
    faults.push(`${email} was logged out but the session is active`);
  if (loggingOut !== undefined && !(await isConsistent(node, loggingOut, pending))) {
    faults.push(`the pending logout of ${email} is partial`);
  }
  return [...faults, ...(await findLostSession(node, journey, crashedAtMs))];
}

async function findLostSession(node: Client, journey: Journey, crashedAtMs: number): Promise<string[]> {
  const { active, loggingOut, pending, email } = journey;
  if (active === undefined || active === loggingOut) return [];
  const faults: string[] = [];
  if (!(await node.session(active.accessToken)).ok) faults.push(`${email} lost the session`);
  const isInTime = pending !== 'refresh' || performance.now() - crashedAtMs < gracePeriodMs;
  if (isInTime && !(await node.refresh(active.refreshToken)).ok) faults.push(`${email} lost the refresh token`);
  return faults;
}

async function isRevoked(node: Client, tokens: Tokens): Promise<boolean> {
  return !(await node.session(tokens.accessToken)).ok && !(await node.refresh(tokens.refreshToken)).ok;
}

/** A pending logout has revoked both tokens or none; without a logout none is revoked. */
async function isConsistent(node: Client, tokens: Tokens, pending: Journey['pending']): Promise<boolean> {
  const isSessionActive = (await node.session(tokens.accessToken)).ok;
  const isRefreshAccepted = (await node.refresh(tokens.refreshToken)).ok;
  return isSessionActive === isRefreshAccepted && (isSessionActive || pending === 'logout');
}

/** Each acknowledged registration has its mail, if necessary after the lease of a crashed worker expires. */
async function findMissingMails(node: Client, sink: SmtpSink, journeys: readonly Journey[]): Promise<string[]> {
  const unverified = journeys.filter(({ acknowledged }) => acknowledged.has('register') && !acknowledged.has('verify'));
  const faults: string[] = [];
  for (const { email, password, pending } of unverified) {
    const link = await eventually(() => linkFor(sink, email), {
      what: `the mail to ${email} arrives`,
      timeoutMs: 180_000,
    });
    const response = await node.verify(tokenOf(link));
    if (!response.ok && pending !== 'verify') faults.push(`the link of ${email} was rejected with ${response.code}`);
    if (!(await node.login(email, password)).ok) faults.push(`${email} consumed the link but cannot log in`);
  }
  return faults;
}
