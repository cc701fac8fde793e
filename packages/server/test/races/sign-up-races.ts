import assert from 'node:assert/strict';
import { type ApiResult, type Client, dataOf, type Tokens } from '../../../../e2e/support/client.ts';
import { tokenOf } from '../../../../e2e/support/inbox.ts';
import { eventually } from '../support/wait.ts';
import { assertSame, countOutcomes, password } from './checks.ts';
import type { Race } from './race.ts';
import type { TwoNodes } from './two-nodes.ts';

type Signed = ApiResult<Partial<Tokens> & { readonly status: string }>;

/** The secrets that a client presents to `POST /auth/verify-email`. */
type Presented = { readonly token?: string; readonly ticket?: string; readonly code?: string };

/** Invariants 1 and 3: a link and the ticket of its registration begin one session. */
export const signUpLink: Race = {
  name: 'sign-up link',
  claim: 'pressed 20 times with its ticket: one session, active on both nodes, and one event; no request fails',
  async run(nodes, email) {
    const { ticket, token } = await signUp(nodes, email);
    const responses = await present(nodes, () => ({ token, ticket }));
    await assertOneSession(nodes, email, responses);
    assertSame(countOutcomes(responses), { success: 20 }, 'outcomes');
    return {};
  },
};

/** Invariants 1 and 3: so do the code and the ticket. */
export const signUpCode: Race = {
  name: 'sign-up code',
  claim: 'typed 20 times with its ticket: one session, active on both nodes, and one event',
  async run(nodes, email) {
    const { ticket, code } = await signUp(nodes, email);
    await assertOneSession(nodes, email, await present(nodes, () => ({ code, ticket })));
    return {};
  },
};

/** Link and code are one row, and both need the one ticket. */
export const signUpLinkAgainstCode: Race = {
  name: 'sign-up link against code',
  claim: 'ten of each at once, and the ticket alone: one verification and one session',
  async run(nodes, email) {
    const { ticket, token, code } = await signUp(nodes, email);
    const ways: readonly Presented[] = [{ token, ticket }, { code, ticket }, { token }, { ticket }];
    await assertOneSession(nodes, email, await present(nodes, (index) => ways[Math.floor(index / 2) % 4] ?? {}));
    const verified = `select count(*) from audit_events a join identifiers i on i.user_id = a.user_id
      where i.canonical = $1 and a.action = 'email.verified'`;
    assertSame(await nodes.count(verified, [email]), 1, 'verifications');
    return {};
  },
};

/** Invariant 2: concurrent guesses gain nothing over sequential ones. */
export const guessedSignUpCode: Race = {
  name: 'guessed sign-up code',
  claim: '20 wrong codes at once: five are compared, the right one is rejected afterwards, and the link still works',
  async run(nodes, email) {
    const { ticket, token, code } = await signUp(nodes, email);
    const wrong = (by: number) => String((Number(code) + by) % 1_000_000).padStart(6, '0');
    const guesses = await present(nodes, (index) => ({ ticket, code: wrong(index + 1) }));
    assertSame(countOutcomes(guesses), { invalid_code: guesses.length }, 'guesses');
    const tries = `select max(t.tries) from one_time_tokens t join identifiers i on i.user_id = t.user_id
      where i.canonical = $1`;
    assertSame(await nodes.count(tries, [email]), 5, 'tries');
    const later = await present(nodes, () => ({ ticket, code }));
    assertSame(countOutcomes(later), { invalid_code: later.length }, 'the right code');
    assert.ok(sessionOf(await verify(nodes.node(0), { ticket, token })) !== undefined, 'the link does not sign in');
    return {};
  },
};

type Party = 'attacker' | 'owner';
type Order = { readonly first: Party; readonly pressed: Party; readonly by: 'link' | 'code' };

const parties: readonly Party[] = ['attacker', 'owner'];

/** Invariant 18: two registrations of one address, in every order, each with the ticket of its browser. */
export const signUpsOfOneAddress: readonly Race[] = parties.flatMap((first) =>
  parties.flatMap((pressed) => (['link', 'code'] as const).map((by) => ticketsOfOneAddress({ first, pressed, by }))),
);

function ticketsOfOneAddress({ first, pressed, by }: Order): Race {
  return {
    name: `tickets of one address, ${first} first, ${by} of the ${pressed}`,
    claim: 'presented with both tickets on both nodes: only the ticket of the confirmed registration signs in, once',
    async run(nodes, email) {
      const one = await signUp(nodes, email);
      const two = await signUp(nodes, email, [one]);
      const [mine, other] = pressed === first ? [one, two] : [two, one];
      const secret = by === 'link' ? { token: mine.token } : { code: mine.code };
      const responses = await present(nodes, (index) =>
        index % 4 < 2 ? { ...secret, ticket: mine.ticket } : { ticket: other.ticket, code: other.code },
      );
      const sessions = responses.filter((response) => sessionOf(response) !== undefined);
      // The other party also has its own mail: whichever was confirmed first is the only one.
      assertSame(sessions.length, 1, `sessions among ${JSON.stringify(countOutcomes(responses))}`);
      const winner = responses.findIndex((response) => sessionOf(response) !== undefined);
      const loser = winner % 4 < 2 ? other : mine;
      for (const node of nodes.clients) {
        for (const more of [{}, { code: loser.code }, { token: loser.token }]) {
          const late = await verify(node, { ...more, ticket: loser.ticket });
          assert.ok(sessionOf(late) === undefined, 'the ticket of the other registration signs in');
        }
      }
      return { outcome: winner % 4 < 2 ? pressed : 'the other' };
    },
  };
}

/** A ticket for a taken address is of nobody, whatever happens to the address. */
export const ticketOfTakenAddress: Race = {
  name: 'ticket of a taken address',
  claim: '20 uses on two nodes, alone and with codes: none signs in, and all are rejected as for a free address',
  async run(nodes, email) {
    await nodes.registerVerified(email, password);
    const { ticket } = dataOf(await register(nodes.node(0), email));
    const responses = await present(nodes, (index) => ({ ticket, ...(index % 4 < 2 && { code: '123456' }) }));
    assertSame(countOutcomes(responses), { invalid_code: 10, email_not_verified: 10 }, 'outcomes');
    return {};
  },
};

type SignedUp = { readonly ticket: string; readonly link: URL; readonly token: string; readonly code: string };

function register(node: Client, email: string): Promise<ApiResult<{ readonly ticket: string }>> {
  const body = { email, password, name: 'Ada' };
  return node.api('POST', '/auth/register', { body });
}

async function signUp(nodes: TwoNodes, email: string, earlier: readonly SignedUp[] = []): Promise<SignedUp> {
  const { ticket } = dataOf(await register(nodes.node(earlier.length), email));
  const known = earlier.map(({ link }) => link);
  const link = await nodes.awaitLink(email, known);
  const findCode = () => {
    const mail = nodes.mailsFor(email).find(({ links }) => links.includes(link.href));
    return mail && /\b\d{6}\b/.exec(mail.text)?.[0];
  };
  return { ticket, link, token: tokenOf(link), code: await eventually(findCode, { what: 'the mail has a code' }) };
}

function verify(node: Client, body: Presented): Promise<Signed> {
  return node.api('POST', '/auth/verify-email', { body });
}

function present(nodes: TwoNodes, bodyOf: (index: number) => Presented): Promise<Signed[]> {
  return nodes.concurrently((node, index) => verify(node, bodyOf(index)));
}

function sessionOf(response: Signed): string | undefined {
  return response.ok ? response.data.accessToken : undefined;
}

async function assertOneSession(nodes: TwoNodes, email: string, responses: readonly Signed[]): Promise<void> {
  const tokens = responses.flatMap((response) => sessionOf(response) ?? []);
  assertSame(tokens.length, 1, `sessions among ${JSON.stringify(countOutcomes(responses))}`);
  for (const node of nodes.clients) dataOf(await node.session(tokens[0]));
  const sessions = `select count(*) from sessions s join identifiers i on i.user_id = s.user_id where i.canonical = $1`;
  assertSame(await nodes.count(sessions, [email]), 1, 'rows of sessions');
  const events = `select count(*) from audit_events a join identifiers i on i.user_id = a.user_id
    where i.canonical = $1 and a.action = 'login.succeeded'`;
  assertSame(await nodes.count(events, [email]), 1, 'events of the login');
}
