import { type ApiResult, type Client, dataOf, type Tokens } from '../../../../e2e/support/client.ts';
import { tokenOf } from '../../../../e2e/support/inbox.ts';
import type { SmtpSink } from '../../../../e2e/support/smtp-sink.ts';
import { eventually } from '../support/wait.ts';

type Step = 'register' | 'verify' | 'login' | 'refresh' | 'logout';

/** The acknowledged steps of one user, and the pending step when the response failed to arrive. */
export type Journey = {
  readonly email: string;
  readonly password: string;
  readonly acknowledged: Set<Step>;
  /** The step without a response; it may or may not have been committed. */
  pending?: Step;
  /** The newest tokens of the session that is still active. */
  active?: Tokens;
  /** Tokens of a session whose logout was acknowledged. */
  revoked?: Tokens;
  /** Tokens of a session whose logout is pending. */
  loggingOut?: Tokens;
};

/** The server, the mailbox, and whether the crash has happened. */
export type JourneyContext = {
  readonly node: Client;
  readonly sink: SmtpSink;
  readonly isCrashed: () => boolean;
  readonly onAcknowledged: () => void;
};

class Interrupted extends Error {
  override name = 'Interrupted';
}

/** Runs journeys with new users until the crash; returns what was acknowledged. */
export async function runJourneys(context: JourneyContext, nextEmail: () => string): Promise<Journey[]> {
  const journeys: Journey[] = [];
  while (!context.isCrashed()) {
    const email = nextEmail();
    const journey: Journey = { email, password: `the password of ${email}`, acknowledged: new Set() };
    journeys.push(journey);
    try {
      await runJourney(context, journey);
    } catch (error) {
      if (!(error instanceof Interrupted)) throw error;
      return journeys;
    }
  }
  return journeys;
}

async function runJourney(context: JourneyContext, journey: Journey): Promise<void> {
  const { node } = context;
  const { email, password } = journey;
  await perform(context, journey, 'register', () => node.register({ email, password }));
  const link = await awaitLink(context, email);
  await perform(context, journey, 'verify', () => node.verify(tokenOf(link)));
  const leaving = await perform(context, journey, 'login', () => node.login(email, password));
  journey.active = leaving;
  journey.active = await perform(context, journey, 'refresh', () => node.refresh(leaving.refreshToken));
  journey.loggingOut = journey.active;
  journey.active = await perform(context, journey, 'login', () => node.login(email, password));
  await perform(context, journey, 'logout', () => node.logout(journey.loggingOut?.accessToken));
  journey.revoked = journey.loggingOut;
  delete journey.loggingOut;
  for (let round = 0; round < 2; round += 1) await refreshActive(context, journey);
}

async function refreshActive(context: JourneyContext, journey: Journey): Promise<void> {
  const { active } = journey;
  if (active === undefined) throw new Error('the journey has no active session');
  journey.active = await perform(context, journey, 'refresh', () => context.node.refresh(active.refreshToken));
}

async function perform<T>(
  context: JourneyContext,
  journey: Journey,
  name: Step,
  send: () => Promise<ApiResult<T>>,
): Promise<T> {
  if (context.isCrashed()) throw new Interrupted();
  journey.pending = name;
  const response = await sendOrInterrupt(send);
  // 503 may follow a commit, as it does when the database crashes.
  if (!response.ok && response.status === 503) throw new Interrupted();
  const data = dataOf(response);
  delete journey.pending;
  journey.acknowledged.add(name);
  context.onAcknowledged();
  return data;
}

/** A broken connection is no response. */
async function sendOrInterrupt<T>(send: () => Promise<ApiResult<T>>): Promise<ApiResult<T>> {
  try {
    return await send();
  } catch (error) {
    if (error instanceof TypeError) throw new Interrupted();
    throw error;
  }
}

function awaitLink(context: JourneyContext, email: string): Promise<URL> {
  return eventually(
    () => {
      if (context.isCrashed()) throw new Interrupted();
      return linkFor(context.sink, email);
    },
    { what: `a link for ${email} has arrived`, timeoutMs: 20_000 },
  );
}

/** The verification link received at an address. */
export function linkFor(sink: SmtpSink, email: string): URL | undefined {
  const links = sink.acceptedFor(email).flatMap((line) => line.links);
  return links.map((link) => new URL(link)).find((link) => link.pathname === '/verify-email');
}
