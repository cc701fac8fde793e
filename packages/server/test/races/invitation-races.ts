import assert from 'node:assert/strict';
import { createInvitation, revoke } from '#flows/admin-invitations/index.ts';
import { type ApiResult, dataOf } from '../../../../e2e/support/client.ts';
import { tokenOf } from '../../../../e2e/support/inbox.ts';
import { operator } from '../support/operator.ts';
import { assertSame, countSuccesses, newPassword, requireOneSuccess } from './checks.ts';
import { assertWinningPassword, cleanState } from './password-races.ts';
import type { Race } from './race.ts';
import { acceptInvitation } from './requests.ts';
import { TrackedUser, type UserHistory } from './tracked-user.ts';
import type { TwoNodes } from './two-nodes.ts';

/** Invariant 1: an invitation creates one account, with the name and password of one request. */
export const invitationLink: Race = {
  name: 'invitation',
  claim: 'accepted by 20 concurrent requests: one account, with the name and the password of one of them',
  async run(nodes, email) {
    const { id, link } = await invite(nodes, email);
    const users = await countUsers(nodes);
    const responses = await nodes.concurrently((node, index) => acceptInvitation(node, link, invitee(index)));
    const winner = requireOneSuccess(responses, ['invalid_token']);
    await assertAccepted(nodes, email, winner);
    assert.equal(await outcomeOf(nodes, id), 'used');
    assert.equal(await countUsers(nodes), users + 1, 'users');
    return {};
  },
};

/** Invariant 1: two users on two nodes retry repeatedly. */
export const invitationOfTwo: Race = {
  name: 'invitation accepted by two users',
  claim: 'two users accept on one node each, ten times: one account, with the name and the password of one of them',
  async run(nodes, email) {
    const { link } = await invite(nodes, email);
    const responses = await nodes.concurrently((node, index) => acceptInvitation(node, link, invitee(index % 2)));
    const winner = requireOneSuccess(responses, ['invalid_token']) % 2;
    await assertAccepted(nodes, email, winner);
    return { outcome: winner === 0 ? 'first user' : 'second user' };
  },
};

/** Invariant 1: a revoked invitation cannot be accepted, and an accepted one cannot be revoked. */
export const acceptAgainstRevoke: Race = {
  name: 'accept against revoke',
  claim: '19 acceptances while an operator revokes: an account or a revoked invitation, never both',
  async run(nodes, email) {
    const { id, link } = await invite(nodes, email);
    const users = await countUsers(nodes);
    const events = await countRevocations(nodes);
    let revoked = false;
    const responses = await nodes.concurrently(async (node, index): Promise<ApiResult<unknown> | undefined> => {
      if (index !== 9) return await acceptInvitation(node, link, invitee(index));
      await nodes.delay(16);
      revoked = await revoke(nodes.operator, operator, id);
      return undefined;
    });
    const accepted = countSuccesses(
      responses.filter((response) => response !== undefined),
      ['invalid_token'],
    );
    assertSame([accepted, revoked], revoked ? [0, true] : [1, false], 'successful acceptances, and whether revoked');
    assert.equal(await countUsers(nodes), users + accepted, 'users');
    assert.equal(await countRevocations(nodes), events + 1 - accepted, 'events of the revocation');
    assert.equal(await outcomeOf(nodes, id), revoked ? 'revoked' : 'used');
    if (!revoked) {
      await assertAccepted(
        nodes,
        email,
        responses.findIndex((response) => response?.ok === true),
      );
    }
    return { outcome: revoked ? 'revoked' : 'accepted' };
  },
};

/** Invariant 18: the invited user gets the account, whatever others register with the address meanwhile. */
export const acceptAgainstRegistration: Race = {
  name: 'accept against registration',
  claim:
    '10 acceptances concurrent with 10 registrations of the address: the invited account, and every registration is void',
  async run(nodes, email) {
    const { id, link } = await invite(nodes, email);
    const users = await countUsers(nodes);
    const responses = await nodes.concurrently(async (node, index) => {
      if (index % 4 < 2) return await acceptInvitation(node, link, invitee(index));
      await nodes.delay(24);
      return await node.register({ email, password: newPassword(index), name: 'Mallory' });
    });
    const acceptances = responses.map((response, index) => (index % 4 < 2 ? response : undefined));
    requireOneSuccess(
      acceptances.filter((response) => response !== undefined),
      ['invalid_token'],
    );
    responses.filter((_, index) => index % 4 > 1).forEach(dataOf);
    assert.equal(await countUsers(nodes), users + 1, 'users');
    assert.equal(await outcomeOf(nodes, id), 'used');
    const winner = acceptances.findIndex((response) => response?.ok === true);
    const notices = await nodes.count(
      `select count(*) from mail_ledger m join identifiers i on i.user_id = m.user_id
        where i.canonical = $1 and m.template = 'already_registered'`,
      [email],
    );
    await assertAccepted(nodes, email, winner, {
      events: { 'user.registration_refused': notices },
      mails: { already_registered: notices },
    });
    for (const link of nodes.linksFor(email)) {
      assert.equal((await nodes.node(0).verify(tokenOf(link))).ok, false, 'a link of a registration is still valid');
    }
    return { outcome: notices === 10 ? 'accepted first' : 'registered first' };
  },
};

type Invitation = { readonly id: string; readonly link: string };

/** Invites an address; returns the token of the mailed link. */
async function invite(nodes: TwoNodes, email: string): Promise<Invitation> {
  const address = { asTyped: email, canonical: email };
  const created = await createInvitation(nodes.operator, operator, { email: address, locale: 'en', role: null });
  assert.ok(created.kind === 'created', `the address is ${created.kind}`);
  return { id: created.invitationId, link: tokenOf(await nodes.awaitLink(email, [], '/accept-invitation')) };
}

function invitee(index: number): { readonly name: string; readonly password: string } {
  return { name: `Number ${index}`, password: newPassword(index) };
}

/** Asserts that the account has name and password of the winner; `history` happened to it as well. */
async function assertAccepted(
  nodes: TwoNodes,
  email: string,
  winner: number,
  history: UserHistory = { events: {}, mails: {} },
): Promise<void> {
  const rows = await nodes.rows<{ name: string }>(
    `select u.name from users u join identifiers i on i.user_id = u.id where i.canonical = $1`,
    [email],
  );
  assertSame(rows, [{ name: invitee(winner).name }], 'the account');
  const accepted = await TrackedUser.find(nodes, email, 'from the beginning');
  const events = { 'invitation.accepted': 1, ...history.events };
  await accepted.assertState({ ...cleanState(email), events, mails: history.mails });
  await assertWinningPassword(nodes, email, winner);
}

function countUsers(nodes: TwoNodes): Promise<number> {
  return nodes.count('select count(*) from users');
}

function countRevocations(nodes: TwoNodes): Promise<number> {
  return nodes.count(`select count(*) from audit_events where action = 'invitation.revoked'`);
}

async function outcomeOf(nodes: TwoNodes, id: string): Promise<string | null | undefined> {
  const [row] = await nodes.rows<{ outcome: string | null }>('select outcome from invitations where id = $1', [id]);
  return row?.outcome;
}
