import assert from 'node:assert/strict';
import { systemClock } from '#kernel/clock.ts';
import { type ApiResult, type Client, dataOf, type Tokens } from '../../../../e2e/support/client.ts';
import { codeNow } from '../support/second-factors.ts';
import { countSuccesses, password, requireOneSuccess } from './checks.ts';
import type { Race } from './race.ts';
import { type StepRequired, tryLogin } from './requests.ts';
import type { TwoNodes } from './two-nodes.ts';

const device = { clock: systemClock };

/** Invariant 1: a code of an authenticator is used once, however many logins wait for it. */
export const totpCode: Race = {
  name: 'totp code',
  claim: 'one code in two tickets, 20 concurrent requests on two nodes: one session',
  async run(nodes, email) {
    const { secret } = await addUserOfTwoFactors(nodes, email);
    const code = codeNow(device, secret, 1);
    await assertOneSession(nodes, email, { code });
    return {};
  },
};

/** Invariant 1: a recovery code is used once. */
export const recoveryCode: Race = {
  name: 'recovery code',
  claim: 'one recovery code in two tickets, 20 concurrent requests on two nodes: one session',
  async run(nodes, email) {
    const { recoveryCodes } = await addUserOfTwoFactors(nodes, email);
    await assertOneSession(nodes, email, { recoveryCode: recoveryCodes[0] });
    return {};
  },
};

/** Invariants 3 and 4: a rule that gets stricter in the middle of a login leaves no session of one factor. */
export const enrollAgainstLogin: Race = {
  name: 'enroll against login',
  claim: '16 logins by password concurrent with 4 confirmations of an authenticator: no session of one factor is left',
  async run(nodes, email) {
    await nodes.registerVerified(email, password);
    const { accessToken: token } = dataOf(await nodes.node(0).login(email, password));
    const { secret } = dataOf(await begin(nodes.node(1), token));
    const code = codeNow(device, secret);
    const responses = await nodes.concurrently(async (node, index) => {
      if (index % 5 === 0) return await confirm(node, token, code);
      await nodes.delay(8);
      return await tryLogin(node, email, password);
    });
    requireOneSuccess(
      responses.filter((_, index) => index % 5 === 0),
      ['not_authenticated', 'enrollment_expired'],
    );
    const logins = responses.filter((_, index) => index % 5 !== 0) as ApiResult<Partial<Tokens> & StepRequired>[];
    countSuccesses(logins, ['invalid_credentials', 'too_many_requests']);
    assert.equal(await nodes.count(sessionsOfOneFactor, [email]), 0, 'a session of one factor is left');
    assert.equal(await nodes.count(usersOfTwoFactors, [email]), 1, 'two-step sign-in is on');
    const steps = logins.filter((login) => login.ok && login.data.step !== undefined).length;
    return { outcome: steps === 0 ? 'all logins first' : 'some logins later' };
  },
};

const sessionsOfOneFactor = `
  select count(*) from sessions s join users u on u.id = s.user_id join identifiers i on i.user_id = u.id
  where i.canonical = $1 and s.acr = '1' and s.ended_at is null and s.auth_epoch = u.auth_epoch`;

const usersOfTwoFactors = `
  select count(*) from users u join identifiers i on i.user_id = u.id where i.canonical = $1 and u.mfa_enabled`;

interface Enrolled extends Tokens {
  readonly recoveryCodes: readonly string[];
}

function begin(node: Client, token: string): Promise<ApiResult<{ readonly secret: string }>> {
  return node.api('POST', '/users/me/totp', { token });
}

function confirm(node: Client, token: string, code: string): Promise<ApiResult<Enrolled>> {
  return node.api('POST', '/users/me/totp/confirm', { token, body: { code } });
}

/** The code of this moment is used; that of the next step is not. */
async function addUserOfTwoFactors(
  nodes: TwoNodes,
  email: string,
): Promise<{ readonly secret: string; readonly recoveryCodes: readonly string[] }> {
  await nodes.registerVerified(email, password);
  const { accessToken: token } = dataOf(await nodes.node(0).login(email, password));
  const { secret } = dataOf(await begin(nodes.node(0), token));
  const { recoveryCodes } = dataOf(await confirm(nodes.node(1), token, codeNow(device, secret)));
  return { secret, recoveryCodes };
}

async function assertOneSession(nodes: TwoNodes, email: string, proof: object): Promise<void> {
  const tickets = await Promise.all(
    [0, 1].map(async (index) => dataOf(await tryLogin(nodes.node(index), email, password)).ticket),
  );
  const responses = await nodes.concurrently((node, index) =>
    node.api<Tokens>('POST', '/auth/login/second-factor', {
      body: { ticket: tickets[index % 4 < 2 ? 0 : 1], ...proof },
    }),
  );
  const winner = responses[requireOneSuccess(responses, ['invalid_code', 'invalid_ticket', 'too_many_requests'])];
  assert.ok(winner !== undefined, 'there is a winner');
  for (const node of nodes.clients) dataOf(await node.session(dataOf(winner).accessToken));
}
