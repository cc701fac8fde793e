import { setTimeout as pause } from 'node:timers/promises';
import { eventually } from '#test/support/wait.ts';
import type { Client, Tokens } from '../../../../e2e/support/client.ts';
import { tokenOf } from '../../../../e2e/support/inbox.ts';
import { type SmtpSink, startSmtpSink } from '../../../../e2e/support/smtp-sink.ts';
import { type Chance, chanceOf } from './chance.ts';
import { type Deployment, deploy, type Victim } from './deployment.ts';
import { findHalfDone } from './half-done.ts';
import { linkFor, type Road, type Story, travel } from './traveller.ts';

/** What came of all trials of one victim. */
export type CrashReport = {
  readonly victim: Victim;
  readonly trials: number;
  /** Answers of 2xx that were looked for after the crash. */
  readonly acknowledged: number;
  /** Steps that were on their way when the crash came. */
  readonly pending: number;
  /** One sentence for everything that was lost or half done. */
  readonly faults: readonly string[];
};

const travellersAtOnce = 4;

/** The grace in which a refresh whose answer was lost can be asked again, with room for what asks. */
const graceMs = 8000;

/** Kills the victim at random moments of the journey, and looks each time for everything that was answered with 2xx. */
export async function runCrashTrials(victim: Victim, trials: number, seed: number): Promise<CrashReport> {
  const chance = chanceOf(seed);
  const sink = await startSmtpSink();
  await using deployment = await deploy(victim, sink.url);
  const stories: Story[] = [];
  const faults: string[] = [];
  for (let trial = 1; trial <= trials; trial += 1) {
    const outcome = await crashOnce(deployment, sink, chance, `trial-${trial}`).catch((error: unknown) => {
      throw new Error(`trial ${trial} broke off; the server wrote:\n${deployment.logs()}`, { cause: error });
    });
    stories.push(...outcome.stories);
    faults.push(...outcome.faults.map((fault) => `trial ${trial}: ${fault}`));
  }
  faults.push(...(await findUnmailed(deployment.node(), sink, stories)));
  await sink.close();
  const acknowledged = stories.reduce((sum, story) => sum + story.acknowledged.size, 0);
  return { victim, trials, acknowledged, pending: stories.filter(({ pending }) => pending).length, faults };
}

type Outcome = { readonly stories: readonly Story[]; readonly faults: readonly string[] };

async function crashOnce(deployment: Deployment, sink: SmtpSink, chance: Chance, name: string): Promise<Outcome> {
  let isCut = false;
  let count = 0;
  const road: Road = { node: deployment.node(), sink, isCut: () => isCut };
  const nextEmail = () => {
    count += 1;
    return `${name}-${count}@example.com`;
  };
  const travellers = Promise.all(Array.from({ length: travellersAtOnce }, () => travel(road, nextEmail)));
  await Promise.race([pause(chance.between(20, 900)), travellers]);
  const crashedAtMs = performance.now();
  await deployment.crash();
  isCut = true;
  const stories = (await travellers).flat();
  const faults = await deployment.inspect(findHalfDone);
  await deployment.revive();
  const node = deployment.node();
  for (const story of stories) faults.push(...(await findForgotten(node, story, crashedAtMs)));
  return { stories, faults };
}

/** What the server told this traveller and does not know any more. */
async function findForgotten(node: Client, story: Story, crashedAtMs: number): Promise<string[]> {
  const { dead, leaving, pending, email, password } = story;
  const faults: string[] = [];
  if (story.acknowledged.has('verify') && !(await node.login(email, password)).ok) {
    faults.push(`${email} was verified and cannot log in`);
  }
  if (dead !== undefined && !(await isDead(node, dead))) faults.push(`${email} was logged out and is not`);
  if (leaving !== undefined && !(await isWhole(node, leaving, pending))) {
    faults.push(`the session that ${email} was leaving is half ended`);
  }
  return [...faults, ...(await findLostSession(node, story, crashedAtMs))];
}

async function findLostSession(node: Client, story: Story, crashedAtMs: number): Promise<string[]> {
  const { live, leaving, pending, email } = story;
  if (live === undefined || live === leaving) return [];
  const faults: string[] = [];
  if (!(await node.session(live.accessToken)).ok) faults.push(`${email} has lost the session`);
  const isInTime = pending !== 'refresh' || performance.now() - crashedAtMs < graceMs;
  if (isInTime && !(await node.refresh(live.refreshToken)).ok) faults.push(`${email} has lost the refresh token`);
  return faults;
}

async function isDead(node: Client, tokens: Tokens): Promise<boolean> {
  return !(await node.session(tokens.accessToken)).ok && !(await node.refresh(tokens.refreshToken)).ok;
}

/** A logout without an answer has ended both tokens or none; one that was never asked for has ended none. */
async function isWhole(node: Client, tokens: Tokens, pending: Story['pending']): Promise<boolean> {
  const isAlive = (await node.session(tokens.accessToken)).ok;
  const isRefreshed = (await node.refresh(tokens.refreshToken)).ok;
  return isAlive === isRefreshed && (isAlive || pending === 'logout');
}

/** Each registration that was answered has its mail, even if the lease of a dead worker must end first. */
async function findUnmailed(node: Client, sink: SmtpSink, stories: readonly Story[]): Promise<string[]> {
  const promised = stories.filter(({ acknowledged }) => acknowledged.has('register') && !acknowledged.has('verify'));
  const faults: string[] = [];
  for (const { email, password, pending } of promised) {
    const link = await eventually(() => linkFor(sink, email), {
      what: `the mail that ${email} was promised has arrived`,
      timeoutMs: 180_000,
    });
    const answer = await node.verify(tokenOf(link));
    if (!answer.ok && pending !== 'verify') faults.push(`the link of ${email} was refused with ${answer.code}`);
    if (!(await node.login(email, password)).ok) faults.push(`${email} has pressed the link and cannot log in`);
  }
  return faults;
}
