import assert from 'node:assert/strict';
import { type ApiResult, type Client, dataOf, type Tokens } from '../../../../e2e/support/client.ts';
import { tokenOf } from '../../../../e2e/support/inbox.ts';
import { eventually } from '../support/wait.ts';
import { assertSame, countOutcomes, countSuccesses, password, requireOneSuccess } from './checks.ts';
import type { Race } from './race.ts';
import { TrackedUser } from './tracked-user.ts';
import type { TwoNodes } from './two-nodes.ts';

/** Invariant 1: a magic link is consumed once. */
export const magicLink: Race = {
  name: 'magic link',
  claim:
    'consumed by 20 concurrent requests of the requesting browser: one session, active on both nodes, and one event',
  async run(nodes, email) {
    await nodes.registerVerified(email, password);
    const browserToken = await requestMail(nodes, 'magic-link', email);
    const token = tokenOf(await nodes.awaitLink(email, [], '/login/magic-link'));
    const user = await TrackedUser.find(nodes, email);
    const responses = await nodes.concurrently((node) => logIn(node, 'magic-link', { token, browserToken }));
    await assertOneSession(nodes, user, responses, ['invalid_token']);
    return {};
  },
};

/**
 * Invariants 1 and 2: a code is consumed once, and concurrent attempts beyond its limit are rejected before comparison.
 */
export const emailCode: Race = {
  name: 'email code',
  claim:
    'submitted by 20 concurrent requests of the requesting browser: one session, active on both nodes, and one event',
  async run(nodes, email) {
    const { code, browserToken } = await addWithCode(nodes, email);
    const user = await TrackedUser.find(nodes, email);
    const responses = await nodes.concurrently((node) => logIn(node, 'email-code', { email, code, browserToken }));
    await assertOneSession(nodes, user, responses, ['invalid_code', 'too_many_requests']);
    return {};
  },
};

/** Invariant 2: concurrent attempts gain nothing over sequential ones. */
export const guessedCode: Race = {
  name: 'guessed code',
  claim:
    '20 concurrent wrong codes on two nodes: every compared code is counted, and the right one is rejected afterwards',
  async run(nodes, email) {
    const { code, browserToken } = await addWithCode(nodes, email);
    const responses = await nodes.concurrently((node, index) =>
      logIn(node, 'email-code', { email, code: wrongCode(code, index + 1), browserToken }),
    );
    countSuccesses(responses, ['invalid_code', 'too_many_requests']);
    const { success = 0, invalid_code: counted = 0 } = countOutcomes(responses);
    assertSame({ success, tries: await nodes.count(countTries, [email]) }, { success: 0, tries: counted }, 'attempts');
    assert.ok(counted >= 5, `only ${counted} attempts were compared`);
    const later = await nodes.concurrently((node) => logIn(node, 'email-code', { email, code, browserToken }));
    assert.equal(countOutcomes(later).success, undefined, 'the right code is still accepted');
    return {};
  },
};

const countTries = `
  select max(t.tries) from one_time_tokens t join identifiers i on i.user_id = t.user_id
  where i.canonical = $1 and t.purpose = 'email_code'`;

/** Requests a mail with the token transport; returns the browser token. */
async function requestMail(nodes: TwoNodes, method: string, email: string): Promise<string> {
  const response = await nodes
    .node(0)
    .api<{ browserToken: string }>('POST', `/auth/login/${method}`, { body: { email } });
  return dataOf(response).browserToken;
}

function logIn(node: Client, method: string, body: object): Promise<ApiResult<Tokens>> {
  return node.api<Tokens>('POST', `/auth/login/${method}/verify`, { body });
}

async function addWithCode(nodes: TwoNodes, email: string): Promise<{ code: string; browserToken: string }> {
  await nodes.registerVerified(email, password);
  const browserToken = await requestMail(nodes, 'email-code', email);
  const findCode = () =>
    nodes
      .mailsFor(email)
      .flatMap(({ text, links }) => (links.length === 0 && /^(\d{6})\s*$/m.exec(text)?.[1]) || [])[0];
  const code = await eventually(findCode, { what: `a code for ${email} arrives`, timeoutMs: 20_000 });
  return { code, browserToken };
}

function wrongCode(code: string, by: number): string {
  return String((Number(code) + by) % 1_000_000).padStart(6, '0');
}

async function assertOneSession(
  nodes: TwoNodes,
  user: TrackedUser,
  responses: readonly ApiResult<Tokens>[],
  codes: readonly string[],
): Promise<void> {
  const winner = responses[requireOneSuccess(responses, codes)];
  assert.ok(winner !== undefined, 'there is a winner');
  const { accessToken } = dataOf(winner);
  for (const node of nodes.clients) dataOf(await node.session(accessToken));
  const { id } = user;
  assert.equal(await nodes.count('select count(*) from sessions where user_id = $1', [id]), 1, 'sessions');
  const events = `select count(*) from audit_events where user_id = $1 and action = 'login.succeeded'`;
  assert.equal(await nodes.count(events, [id]), 1, 'events of the login');
}
