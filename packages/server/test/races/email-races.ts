import assert from 'node:assert/strict';
import { type Answer, dataOf, type Tokens } from '../../../../e2e/support/client.ts';
import { tokenOf } from '../../../../e2e/support/inbox.ts';
import { assertAllDie, assertOpens, assertSame, assertWinners, chosen, onlyWinner, password } from './checks.ts';
import { assertOnlyOpens, resting } from './password-races.ts';
import { Person } from './person-state.ts';
import type { Race } from './race.ts';
import { askForChange, cancelChange, confirmChange, undoChange } from './requests.ts';
import type { TwoNodes } from './two-nodes.ts';

/** invariant 1 and 4: the mailbox takes the account back once, whatever was done since. */
export const undoLink: Race = {
  name: 'undo link',
  claim: '20 passwords by one link: one restores the address, no older token lives on either node',
  async run(two, email) {
    const { newEmail, undo } = await changeAddress(two, email);
    const sessions = await two.logins(newEmail, password, 4);
    const person = await Person.find(two, email);
    const answers = await two.atOnce((node, index) => undoChange(node, undo, chosen(index)));
    const endedAtMs = performance.now();
    const winner = onlyWinner(answers, ['invalid_token']);
    const round = await assertAllDie(two, sessions, endedAtMs);
    const history = { events: { 'email.change_undone': 1 }, mails: { email_change_undone: 1 } };
    await person.assertSettled({ ...resting(email), ...history });
    await assertOnlyOpens(two, email, winner);
    await assertOpensNothing(two, newEmail, [password, chosen(winner)]);
    return round;
  },
};

/** invariant 4: an undo wins over a further change, before it or after it. */
export const confirmAgainstUndo: Race = {
  name: 'email change against undo',
  claim: '10 presses of a further confirming link beside 10 undos: the first address comes back, whoever came first',
  async run(two, email) {
    const { newEmail, undo } = await changeAddress(two, email);
    const sessions = await two.logins(newEmail, password, 4);
    const third = `third-${email}`;
    const confirm = await askAddress(two, third, sessions[0]);
    const person = await Person.find(two, email);
    const answers = await two.atOnce(async (node, index) => {
      if (index % 2 === 0) return await confirmChange(node, confirm);
      // An undo hashes a password before it writes; it comes first only when the other one tarries.
      return await undoChange(node, undo, chosen(index));
    });
    const endedAtMs = performance.now();
    const confirmed = assertWinners(evenOf(answers), ['invalid_token']);
    assert.ok(confirmed <= 1, `${confirmed} confirmations won`);
    onlyWinner(oddOf(answers), ['invalid_token']);
    const winner = answers.findIndex(({ ok }, index) => ok && index % 2 === 1);
    const round = await assertAllDie(two, sessions, endedAtMs);
    await person.assertSettled({
      ...resting(email),
      events: { 'email.change_undone': 1, 'email.changed': confirmed },
      mails: { email_change_undone: 1, email_changed_notice: confirmed },
    });
    await assertOnlyOpens(two, email, winner);
    await assertOpensNothing(two, third, [password, chosen(winner)]);
    return { ...round, outcome: confirmed === 1 ? 'changed, then undone' : 'undone first' };
  },
};

/** invariant 1: a change that was cancelled does not happen, and one that happened cannot be cancelled. */
export const confirmAgainstCancel: Race = {
  name: 'confirm against cancel',
  claim: '10 presses of a confirming link beside 10 cancellations: it was changed, or it was cancelled',
  async run(two, email) {
    await two.registerVerified(email, password);
    const sessions = await two.logins(email, password, 4);
    const newEmail = `new-${email}`;
    const confirm = await askAddress(two, newEmail, sessions[0]);
    const person = await Person.find(two, email);
    const answers = await two.atOnce(async (node, index) => {
      await two.linger(3);
      return index % 2 === 0
        ? await confirmChange(node, confirm)
        : await cancelChange(node, sessions[index % 4]?.accessToken ?? '');
    });
    const endedAtMs = performance.now();
    const confirmed = assertWinners(evenOf(answers), ['invalid_token']);
    const cancelled = assertWinners(oddOf(answers), ['not_authenticated']);
    assertSame([confirmed, cancelled], confirmed === 1 ? [1, 0] : [0, 10], 'confirmations and cancellations that won');
    if (confirmed === 0) {
      const history = { events: { 'email.change_cancelled': 1 }, mails: {} };
      await person.assertSettled({ ...resting(email), ...history, sessions: 4 });
      await assertOpens(two, email, password, []);
      return { outcome: 'cancelled' };
    }
    const round = await assertAllDie(two, sessions, endedAtMs);
    await person.assertSettled(changed(email, newEmail));
    await assertOpens(two, newEmail, password, []);
    return { ...round, outcome: 'changed' };
  },
};

/** invariant 12: one address has one user, also when two prove it at the same moment. */
export const confirmAgainstConfirm: Race = {
  name: 'two confirm one address',
  claim: '10 presses each of two people’s links to one new address: one gets it, the other keeps what they had',
  async run(two, email) {
    const newEmail = `new-${email}`;
    const emails = [email, `other-${email}`];
    const people: { email: string; confirm: string; sessions: Tokens[]; person: Person }[] = [];
    const known: URL[] = [];
    for (const own of emails) {
      await two.registerVerified(own, password);
      const sessions = await two.logins(own, password, 2);
      const confirm = await askAddress(two, newEmail, sessions[0], known);
      people.push({ email: own, confirm, sessions, person: await Person.find(two, own) });
    }
    const answers = await two.atOnce((node, index) => confirmChange(node, people[index % 2]?.confirm ?? ''));
    const endedAtMs = performance.now();
    const winner = onlyWinner(answers, ['invalid_token', 'email_unavailable']) % 2;
    const [won, lost] = [people[winner], people[1 - winner]];
    assert.ok(won !== undefined && lost !== undefined);
    assertWinners(winner === 0 ? evenOf(answers) : oddOf(answers), ['invalid_token']);
    assertWinners(winner === 0 ? oddOf(answers) : evenOf(answers), ['email_unavailable']);
    const round = await assertAllDie(two, won.sessions, endedAtMs);
    await won.person.assertSettled(changed(won.email, newEmail));
    await lost.person.assertSettled({
      ...resting(lost.email),
      sessions: 2,
      links: { confirm_email_change: 1 },
      events: {},
      mails: {},
    });
    for (const { accessToken } of lost.sessions)
      for (const node of two.clients) dataOf(await node.session(accessToken));
    return { ...round, outcome: winner === 0 ? 'the one' : 'the other' };
  },
};

/** invariant 18: who proves an address gets it, whatever strangers register with it meanwhile. */
export const confirmAgainstRegistration: Race = {
  name: 'confirm against registration',
  claim:
    '10 presses of a confirming link beside 10 registrations of its address: confirmed, and nothing of theirs lives',
  async run(two, email) {
    await two.registerVerified(email, password);
    const sessions = await two.logins(email, password, 2);
    const newEmail = `new-${email}`;
    const confirm = await askAddress(two, newEmail, sessions[0]);
    const person = await Person.find(two, email);
    const users = await two.count('select count(*) from users');
    const answers = await two.atOnce((node, index) =>
      index % 4 < 2 ? confirmChange(node, confirm) : node.register({ email: newEmail, password: chosen(index) }),
    );
    const endedAtMs = performance.now();
    const confirmations = answers.filter((_, index) => index % 4 < 2);
    onlyWinner(confirmations, ['invalid_token']);
    answers.filter((_, index) => index % 4 > 1).forEach(dataOf);
    const round = await assertAllDie(two, sessions, endedAtMs);
    const { mails, ...state } = changed(email, newEmail);
    const [told] = await two.rows<{ number: number }>(
      `select count(*)::int as number from mail_ledger where user_id = $1 and template = 'already_registered'`,
      [person.id],
    );
    const refused = told?.number ?? 0;
    await person.assertSettled({
      ...state,
      events: { ...state.events, 'user.registration_refused': refused },
      mails: { ...mails, already_registered: refused },
    });
    assert.equal(await two.count('select count(*) from users'), users, 'a user of a registration is left');
    for (const link of two.linksFor(newEmail)) {
      assert.equal((await two.node(0).verify(tokenOf(link))).ok, false, 'a link of a registration is still good');
    }
    await assertOpens(two, newEmail, password, [chosen(2), chosen(3)]);
    return { ...round, outcome: refused === 10 ? 'confirmed first' : 'registered first' };
  },
};

/** Somebody whose address has just changed: the old one is held for the link that undoes it. */
function changed(email: string, newEmail: string) {
  return {
    ...resting(email),
    addresses: [`${email} held`, `${newEmail} primary`].sort(),
    links: { undo_email_change: 1 },
    events: { 'email.changed': 1 },
    mails: { email_changed_notice: 1 },
  };
}

/** Asks for another address; answers the secret of the link that is mailed there. */
async function askAddress(two: TwoNodes, newEmail: string, by: Tokens | undefined, known: URL[] = []): Promise<string> {
  dataOf(await askForChange(two.node(0), newEmail, password, by?.accessToken ?? ''));
  const link = await two.awaitLink(newEmail, known, '/confirm-email-change');
  known.push(link);
  return tokenOf(link);
}

/** Registers, changes the address, and answers the secret of the link that undoes it. */
async function changeAddress(two: TwoNodes, email: string): Promise<{ newEmail: string; undo: string }> {
  await two.registerVerified(email, password);
  const [session] = await two.logins(email, password, 1);
  const newEmail = `new-${email}`;
  dataOf(await confirmChange(two.node(1), await askAddress(two, newEmail, session)));
  return { newEmail, undo: tokenOf(await two.awaitLink(email, [], '/undo-email-change')) };
}

async function assertOpensNothing(two: TwoNodes, email: string, candidates: readonly string[]): Promise<void> {
  for (const [index, candidate] of candidates.entries()) {
    const answer = await two.node(index).login(email, candidate);
    assert.equal(answer.ok ? 'opens' : answer.code, 'invalid_credentials', `"${candidate}" of ${email}`);
  }
}

function evenOf(answers: readonly Answer<unknown>[]): Answer<unknown>[] {
  return answers.filter((_, index) => index % 2 === 0);
}

function oddOf(answers: readonly Answer<unknown>[]): Answer<unknown>[] {
  return answers.filter((_, index) => index % 2 === 1);
}
