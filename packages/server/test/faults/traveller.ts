import { eventually } from '#test/support/wait.ts';
import { type Answer, type Client, dataOf, type Tokens } from '../../../../e2e/support/client.ts';
import { tokenOf } from '../../../../e2e/support/inbox.ts';
import type { SmtpSink } from '../../../../e2e/support/smtp-sink.ts';

type Step = 'register' | 'verify' | 'login' | 'refresh' | 'logout';

/** What one traveller was told, and what was on its way when the answer stayed out. */
export type Story = {
  readonly email: string;
  readonly password: string;
  readonly acknowledged: Set<Step>;
  /** The step without an answer: it may or may not have happened. */
  pending?: Step;
  /** The newest tokens of the session that was not logged out. */
  live?: Tokens;
  /** Tokens of a session whose logout was answered. */
  dead?: Tokens;
  /** Tokens of a session whose logout is pending. */
  leaving?: Tokens;
};

/** The road that travellers share: which server, which mailbox, and whether the crash has come. */
export type Road = { readonly node: Client; readonly sink: SmtpSink; readonly isCut: () => boolean };

class Interrupted extends Error {
  override name = 'Interrupted';
}

/** Travels until the crash, with a new address for every round; answers what was told. */
export async function travel(road: Road, nextEmail: () => string): Promise<Story[]> {
  const stories: Story[] = [];
  while (!road.isCut()) {
    const email = nextEmail();
    const story: Story = { email, password: `the password of ${email}`, acknowledged: new Set() };
    stories.push(story);
    try {
      await walk(road, story);
    } catch (error) {
      if (!(error instanceof Interrupted)) throw error;
      return stories;
    }
  }
  return stories;
}

async function walk(road: Road, story: Story): Promise<void> {
  const { node } = road;
  const { email, password } = story;
  await step(road, story, 'register', () => node.register({ email, password }));
  const link = await awaitLink(road, email);
  await step(road, story, 'verify', () => node.verify(tokenOf(link)));
  const leaving = await step(road, story, 'login', () => node.login(email, password));
  story.live = leaving;
  story.live = await step(road, story, 'refresh', () => node.refresh(leaving.refreshToken));
  story.leaving = story.live;
  story.live = await step(road, story, 'login', () => node.login(email, password));
  await step(road, story, 'logout', () => node.logout(story.leaving?.accessToken));
  story.dead = story.leaving;
  delete story.leaving;
  for (let turn = 0; turn < 2; turn += 1) await refreshLive(road, story);
}

async function refreshLive(road: Road, story: Story): Promise<void> {
  const { live } = story;
  if (live === undefined) throw new Error('there is no session to refresh');
  story.live = await step(road, story, 'refresh', () => road.node.refresh(live.refreshToken));
}

async function step<T>(road: Road, story: Story, name: Step, ask: () => Promise<Answer<T>>): Promise<T> {
  if (road.isCut()) throw new Interrupted();
  story.pending = name;
  const answer = await askOrBreak(ask);
  // 503 says that it may or may not have happened, which is what a crash of the database looks like.
  if (!answer.ok && answer.status === 503) throw new Interrupted();
  const data = dataOf(answer);
  delete story.pending;
  story.acknowledged.add(name);
  return data;
}

/** A connection that broke is no answer. */
async function askOrBreak<T>(ask: () => Promise<Answer<T>>): Promise<Answer<T>> {
  try {
    return await ask();
  } catch (error) {
    if (error instanceof TypeError) throw new Interrupted();
    throw error;
  }
}

function awaitLink(road: Road, email: string): Promise<URL> {
  return eventually(
    () => {
      if (road.isCut()) throw new Interrupted();
      return linkFor(road.sink, email);
    },
    { what: `a link for ${email} has arrived`, timeoutMs: 20_000 },
  );
}

/** The verification link that has arrived at an address. */
export function linkFor(sink: SmtpSink, email: string): URL | undefined {
  const links = sink.acceptedFor(email).flatMap((line) => line.links);
  return links.map((link) => new URL(link)).find((link) => link.pathname === '/verify-email');
}
