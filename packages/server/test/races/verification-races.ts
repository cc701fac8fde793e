import assert from 'node:assert/strict';
import { type ApiResult, dataOf } from '../../../../e2e/support/client.ts';
import { tokenOf } from '../../../../e2e/support/inbox.ts';
import type { Race } from './race.ts';
import { concurrency, type TwoNodes } from './two-nodes.ts';

const password = 'the right password of all';
const victimPassword = 'the password of the victim';
const attackerPassword = 'the password of the attacker';

/** Invariant 1: a link is consumed once, however many requests use it. */
export const verificationLink: Race = {
  name: 'verification link',
  claim: 'consumed by 20 concurrent requests: one succeeds, and its user can log in on both nodes',
  async run(nodes, email) {
    dataOf(await nodes.node(0).register({ email, password }));
    const token = tokenOf(await nodes.awaitLink(email));
    const responses = await nodes.concurrently((node) => node.verify(token));
    assertOneWinner(responses);
    for (const node of nodes.clients) dataOf(await node.login(email, password));
    return {};
  },
};

/** Invariant 12: one address belongs to one user in any spelling. */
export const spellings: Race = {
  name: 'spellings',
  claim: 'registered in 20 spellings at once: one user, equal responses, and any spelling logs in',
  async run(nodes, email) {
    const before = await countUsers(nodes);
    const responses = await nodes.concurrently((node, index) =>
      node.register({ email: spell(email, index), password }),
    );
    assert.deepEqual(new Set(responses.map(({ status }) => status)).size, 1, 'every spelling returns the same status');
    responses.forEach(dataOf);
    assert.deepEqual(await countUsers(nodes), { users: before.users + 1, identifiers: before.identifiers + 1 });
    dataOf(await nodes.node(0).verify(tokenOf(await nodes.awaitLink(email))));
    for (const index of [1, 7, 13]) dataOf(await nodes.node(index).login(spell(email, index), password));
    return {};
  },
};

/** Invariant 18, with the attacker first or second and each link consumed first. */
export const twoRegistrations: readonly Race[] = [
  registrationOrder('attacker first, victim verifies', 'attacker', 'victim'),
  registrationOrder('victim first, victim verifies', 'victim', 'victim'),
  registrationOrder('attacker first, attacker verifies', 'attacker', 'attacker'),
  registrationOrder('victim first, attacker verifies', 'victim', 'attacker'),
];

/** Invariant 18: two concurrent links of one address compete with each other. */
export const bothLinks: Race = {
  name: 'both links at once',
  claim:
    '20 requests with the links of two registrations: one succeeds, and only the password of its registration is valid',
  async run(nodes, email) {
    const first = await registerForLink(nodes, email, attackerPassword, []);
    const second = await registerForLink(nodes, email, victimPassword, [first]);
    const responses = await nodes.concurrently((node, index) => node.verify(tokenOf(index % 4 < 2 ? first : second)));
    assertOneWinner(responses);
    const winner = responses.findIndex(({ ok }) => ok);
    await assertOnlyPassword(nodes, email, winner % 4 < 2 ? attackerPassword : victimPassword);
    return {};
  },
};

/** Invariant 18: a registration during or after the verification changes nothing that it set. */
export const registrationsDuringVerification: Race = {
  name: 'registrations during a verification',
  claim: '19 registrations while the victim verifies: none of their links sets their password',
  async run(nodes, email) {
    const link = await registerForLink(nodes, email, victimPassword, []);
    const responses = await nodes.concurrently((node, index) =>
      index === 7 ? node.verify(tokenOf(link)) : node.register({ email, password: attackerPassword }),
    );
    responses.forEach(dataOf);
    await nodes.awaitMailIdle();
    const others = nodes.linksFor(email).filter(({ href }) => href !== link.href);
    const verifier = await Promise.all(others.map((other, index) => nodes.node(index).verify(tokenOf(other))));
    assert.deepEqual(verifier.filter(({ ok }) => ok).length, 0, 'a link of the attacker is still valid');
    await assertOnlyPassword(nodes, email, victimPassword);
    return {};
  },
};

type Party = 'attacker' | 'victim';

const passwordOf: Readonly<Record<Party, string>> = { attacker: attackerPassword, victim: victimPassword };

function registrationOrder(name: string, first: Party, verifier: Party): Race {
  return {
    name,
    claim: `the link of the ${verifier} sets the password of the ${verifier}, and the other link is rejected`,
    async run(nodes, email) {
      const second: Party = first === 'victim' ? 'attacker' : 'victim';
      const firstLink = await registerForLink(nodes, email, passwordOf[first], []);
      const secondLink = await registerForLink(nodes, email, passwordOf[second], [firstLink]);
      const [valid, invalid] = verifier === first ? [firstLink, secondLink] : [secondLink, firstLink];
      assertOneWinner(await nodes.concurrently((node) => node.verify(tokenOf(valid))));
      const late = await nodes.concurrently((node) => node.verify(tokenOf(invalid)));
      assert.equal(late.filter(({ ok }) => ok).length, 0, 'the other link is still valid');
      await assertOnlyPassword(nodes, email, passwordOf[verifier]);
      return {};
    },
  };
}

async function registerForLink(
  nodes: TwoNodes,
  email: string,
  userPassword: string,
  known: readonly URL[],
): Promise<URL> {
  dataOf(await nodes.node(known.length).register({ email, password: userPassword }));
  return await nodes.awaitLink(email, known);
}

async function assertOnlyPassword(nodes: TwoNodes, email: string, userPassword: string): Promise<void> {
  for (const node of nodes.clients) {
    for (const candidate of [victimPassword, attackerPassword]) {
      const response = await node.login(email, candidate);
      const outcome = response.ok ? 'accepted' : response.code;
      assert.equal(outcome, candidate === userPassword ? 'accepted' : 'invalid_credentials', candidate);
    }
  }
}

function assertOneWinner(responses: readonly ApiResult<unknown>[]): void {
  const outcomes = responses.map((response) => (response.ok ? 'success' : response.code));
  assert.equal(outcomes.filter((outcome) => outcome === 'success').length, 1, `successes among ${outcomes.join(' ')}`);
  assert.equal(outcomes.filter((outcome) => outcome === 'invalid_token').length, concurrency - 1, outcomes.join(' '));
}

async function countUsers(nodes: TwoNodes): Promise<{ users: number; identifiers: number }> {
  return {
    users: await nodes.count('select count(*) from users'),
    identifiers: await nodes.count('select count(*) from identifiers'),
  };
}

/** The bits of `index` choose the capital letters; every third spelling has the full-width dot of UTS 46. */
function spell(email: string, index: number): string {
  const mixed = email.replace(/[a-z]/g, (letter, position: number) =>
    (index >> (position % 5)) & 1 ? letter.toUpperCase() : letter,
  );
  return index % 3 === 0 ? mixed.replace(/\.(?=[^.]*$)/, '\u3002') : mixed;
}
