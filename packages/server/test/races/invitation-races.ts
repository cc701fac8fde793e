import assert from 'node:assert/strict';
import { createInvitation, revoke } from '#flows/admin-invitations/index.ts';
import { type Answer, dataOf } from '../../../../e2e/support/client.ts';
import { tokenOf } from '../../../../e2e/support/inbox.ts';
import { operator } from '../support/operator.ts';
import { assertSame, assertWinners, chosen, onlyWinner } from './checks.ts';
import { assertOnlyOpens, resting } from './password-races.ts';
import { Person, type PersonHistory } from './person-state.ts';
import type { Race } from './race.ts';
import { acceptInvitation } from './requests.ts';
import type { TwoNodes } from './two-nodes.ts';

/** invariant 1: an invitation makes one account, with the name and the password of one of those who accept it. */
export const invitationLink: Race = {
  name: 'invitation',
  claim: 'accepted by 20 people at once: one account, with the name and the password of one of them',
  async run(two, email) {
    const { id, link } = await invite(two, email);
    const users = await countUsers(two);
    const answers = await two.atOnce((node, index) => acceptInvitation(node, link, person(index)));
    const winner = onlyWinner(answers, ['invalid_token']);
    await assertAccepted(two, email, winner);
    assert.equal(await outcomeOf(two, id), 'used');
    assert.equal(await countUsers(two), users + 1, 'users');
    return {};
  },
};

/** invariant 1: two people on two nodes, each pressing again and again. */
export const invitationOfTwo: Race = {
  name: 'invitation of two people',
  claim: 'two people accept on a node each, ten times: one account, whole of one of them',
  async run(two, email) {
    const { link } = await invite(two, email);
    const answers = await two.atOnce((node, index) => acceptInvitation(node, link, person(index % 2)));
    const winner = onlyWinner(answers, ['invalid_token']) % 2;
    await assertAccepted(two, email, winner);
    return { outcome: winner === 0 ? 'the one' : 'the other' };
  },
};

/** invariant 1: what was revoked cannot be accepted, and what was accepted cannot be revoked. */
export const acceptAgainstRevoke: Race = {
  name: 'accept against revoke',
  claim: '19 acceptances while an operator revokes: an account, or a revoked invitation, and never both',
  async run(two, email) {
    const { id, link } = await invite(two, email);
    const users = await countUsers(two);
    const events = await countRevocations(two);
    let revoked = false;
    const answers = await two.atOnce(async (node, index): Promise<Answer<unknown> | undefined> => {
      if (index !== 9) return await acceptInvitation(node, link, person(index));
      await two.linger(16);
      revoked = await revoke(two.operator, operator, id);
      return undefined;
    });
    const accepted = assertWinners(
      answers.filter((answer) => answer !== undefined),
      ['invalid_token'],
    );
    assertSame([accepted, revoked], revoked ? [0, true] : [1, false], 'acceptances that won, and whether revoked');
    assert.equal(await countUsers(two), users + accepted, 'users');
    assert.equal(await countRevocations(two), events + 1 - accepted, 'events of the revocation');
    assert.equal(await outcomeOf(two, id), revoked ? 'revoked' : 'used');
    if (!revoked) {
      await assertAccepted(
        two,
        email,
        answers.findIndex((answer) => answer?.ok === true),
      );
    }
    return { outcome: revoked ? 'revoked' : 'accepted' };
  },
};

/** invariant 18: whom the invitation reached gets the account, whatever strangers register with the address meanwhile. */
export const acceptAgainstRegistration: Race = {
  name: 'accept against registration',
  claim: '10 acceptances beside 10 registrations of the address: the invited account, and nothing of theirs lives',
  async run(two, email) {
    const { id, link } = await invite(two, email);
    const users = await countUsers(two);
    const answers = await two.atOnce(async (node, index) => {
      if (index % 4 < 2) return await acceptInvitation(node, link, person(index));
      await two.linger(24);
      return await node.register({ email, password: chosen(index), name: 'a stranger' });
    });
    const acceptances = answers.map((answer, index) => (index % 4 < 2 ? answer : undefined));
    onlyWinner(
      acceptances.filter((answer) => answer !== undefined),
      ['invalid_token'],
    );
    answers.filter((_, index) => index % 4 > 1).forEach(dataOf);
    assert.equal(await countUsers(two), users + 1, 'users');
    assert.equal(await outcomeOf(two, id), 'used');
    const winner = acceptances.findIndex((answer) => answer?.ok === true);
    const told = await two.count(
      `select count(*) from mail_ledger m join identifiers i on i.user_id = m.user_id
        where i.canonical = $1 and m.template = 'already_registered'`,
      [email],
    );
    await assertAccepted(two, email, winner, {
      events: { 'user.registration_refused': told },
      mails: { already_registered: told },
    });
    for (const each of two.linksFor(email)) {
      assert.equal((await two.node(0).verify(tokenOf(each))).ok, false, 'a link of a registration is still good');
    }
    return { outcome: told === 10 ? 'accepted first' : 'registered first' };
  },
};

type Invited = { readonly id: string; readonly link: string };

/** Invites an address; answers the secret of the link in the mail. */
async function invite(two: TwoNodes, email: string): Promise<Invited> {
  const address = { asTyped: email, canonical: email };
  const made = await createInvitation(two.operator, operator, { email: address, locale: 'en', role: null });
  assert.ok(made.kind === 'created', `the address is ${made.kind}`);
  return { id: made.invitationId, link: tokenOf(await two.awaitLink(email, [], '/accept-invitation')) };
}

function person(index: number): { readonly name: string; readonly password: string } {
  return { name: `Number ${index}`, password: chosen(index) };
}

/** The account is whole of the one that won; `besides` happened to it as well. */
async function assertAccepted(
  two: TwoNodes,
  email: string,
  winner: number,
  besides: PersonHistory = { events: {}, mails: {} },
): Promise<void> {
  const rows = await two.rows<{ name: string }>(
    `select u.name from users u join identifiers i on i.user_id = u.id where i.canonical = $1`,
    [email],
  );
  assertSame(rows, [{ name: person(winner).name }], 'the account');
  const accepted = await Person.find(two, email, 'from the beginning');
  const events = { 'invitation.accepted': 1, ...besides.events };
  await accepted.assertSettled({ ...resting(email), events, mails: besides.mails });
  await assertOnlyOpens(two, email, winner);
}

function countUsers(two: TwoNodes): Promise<number> {
  return two.count('select count(*) from users');
}

function countRevocations(two: TwoNodes): Promise<number> {
  return two.count(`select count(*) from audit_events where action = 'invitation.revoked'`);
}

async function outcomeOf(two: TwoNodes, id: string): Promise<string | null | undefined> {
  const [row] = await two.rows<{ outcome: string | null }>('select outcome from invitations where id = $1', [id]);
  return row?.outcome;
}
