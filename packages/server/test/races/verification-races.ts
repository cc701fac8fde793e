import assert from 'node:assert/strict';
import { type Answer, dataOf } from '../../../../e2e/support/client.ts';
import { tokenOf } from '../../../../e2e/support/inbox.ts';
import type { Race } from './race.ts';
import { type TwoNodes, ways } from './two-nodes.ts';

const password = 'the right password of all';
const victims = 'the password of the victim';
const attackers = 'the password of the attacker';

/** invariant 1: a link is good once, however many press it. */
export const verificationLink: Race = {
  name: 'verification link',
  claim: 'pressed 20 times at once: one winner, and its user can log in on both nodes',
  async run(two, email) {
    dataOf(await two.node(0).register({ email, password }));
    const token = tokenOf(await two.awaitLink(email));
    const answers = await two.atOnce((node) => node.verify(token));
    assertOneWinner(answers);
    for (const node of two.clients) dataOf(await node.login(email, password));
    return {};
  },
};

/** invariant 12: one address has one user, however it is spelt. */
export const spellings: Race = {
  name: 'spellings',
  claim: 'registered in 20 spellings at once: one user, every answer the same, and any spelling logs in',
  async run(two, email) {
    const before = await countPeople(two);
    const answers = await two.atOnce((node, index) => node.register({ email: spell(email, index), password }));
    assert.deepEqual(new Set(answers.map(({ status }) => status)).size, 1, 'every spelling gets the same status');
    answers.forEach(dataOf);
    assert.deepEqual(await countPeople(two), { users: before.users + 1, identifiers: before.identifiers + 1 });
    dataOf(await two.node(0).verify(tokenOf(await two.awaitLink(email))));
    for (const index of [1, 7, 13]) dataOf(await two.node(index).login(spell(email, index), password));
    return {};
  },
};

/** invariant 18, with the attacker first or second and each link first. */
export const twoRegistrations: readonly Race[] = [
  ordered('attacker first, victim presses', 'attacker', 'victim'),
  ordered('victim first, victim presses', 'victim', 'victim'),
  ordered('attacker first, attackers link', 'attacker', 'attacker'),
  ordered('victim first, attackers link', 'victim', 'attacker'),
];

/** invariant 18: two links of one address at once are one race, not two. */
export const bothLinks: Race = {
  name: 'both links at once',
  claim: "20 presses of two registrations' links: one wins, and only the password of its registration opens",
  async run(two, email) {
    const first = await registerForLink(two, email, attackers, []);
    const second = await registerForLink(two, email, victims, [first]);
    const answers = await two.atOnce((node, index) => node.verify(tokenOf(index % 4 < 2 ? first : second)));
    assertOneWinner(answers);
    const winner = answers.findIndex(({ ok }) => ok);
    await assertOnlyOpens(two, email, winner % 4 < 2 ? attackers : victims);
    return {};
  },
};

/** invariant 18: nothing that is registered beside or after a press changes what it set. */
export const registrationsBesidePress: Race = {
  name: 'registrations beside a press',
  claim: "19 registrations while the victim's link is pressed: none of their links sets their password",
  async run(two, email) {
    const link = await registerForLink(two, email, victims, []);
    const answers = await two.atOnce((node, index) =>
      index === 7 ? node.verify(tokenOf(link)) : node.register({ email, password: attackers }),
    );
    answers.forEach(dataOf);
    await two.untilMailIsQuiet();
    const others = two.linksFor(email).filter(({ href }) => href !== link.href);
    const pressed = await Promise.all(others.map((other, index) => two.node(index).verify(tokenOf(other))));
    assert.deepEqual(pressed.filter(({ ok }) => ok).length, 0, "a link of the attacker's is still good");
    await assertOnlyOpens(two, email, victims);
    return {};
  },
};

type Who = 'attacker' | 'victim';

const passwordOf: Readonly<Record<Who, string>> = { attacker: attackers, victim: victims };

function ordered(name: string, first: Who, pressed: Who): Race {
  return {
    name,
    claim: `the link of the ${pressed} sets the password of the ${pressed}, and the other link is dead`,
    async run(two, email) {
      const second: Who = first === 'victim' ? 'attacker' : 'victim';
      const firstLink = await registerForLink(two, email, passwordOf[first], []);
      const secondLink = await registerForLink(two, email, passwordOf[second], [firstLink]);
      const [good, dead] = pressed === first ? [firstLink, secondLink] : [secondLink, firstLink];
      assertOneWinner(await two.atOnce((node) => node.verify(tokenOf(good))));
      const late = await two.atOnce((node) => node.verify(tokenOf(dead)));
      assert.equal(late.filter(({ ok }) => ok).length, 0, 'the other link is still good');
      await assertOnlyOpens(two, email, passwordOf[pressed]);
      return {};
    },
  };
}

async function registerForLink(two: TwoNodes, email: string, chosen: string, known: readonly URL[]): Promise<URL> {
  dataOf(await two.node(known.length).register({ email, password: chosen }));
  return await two.awaitLink(email, known);
}

async function assertOnlyOpens(two: TwoNodes, email: string, chosen: string): Promise<void> {
  for (const node of two.clients) {
    for (const candidate of [victims, attackers]) {
      const answer = await node.login(email, candidate);
      const outcome = answer.ok ? 'opens' : answer.code;
      assert.equal(outcome, candidate === chosen ? 'opens' : 'invalid_credentials', candidate);
    }
  }
}

function assertOneWinner(answers: readonly Answer<unknown>[]): void {
  const outcomes = answers.map((answer) => (answer.ok ? 'won' : answer.code));
  assert.equal(outcomes.filter((outcome) => outcome === 'won').length, 1, `winners among ${outcomes.join(' ')}`);
  assert.equal(outcomes.filter((outcome) => outcome === 'invalid_token').length, ways - 1, outcomes.join(' '));
}

async function countPeople(two: TwoNodes): Promise<{ users: number; identifiers: number }> {
  return {
    users: await two.count('select count(*) from users'),
    identifiers: await two.count('select count(*) from identifiers'),
  };
}

/** The bits of `index` choose which letters are capitals; every third one has the full-width dot of UTS 46. */
function spell(email: string, index: number): string {
  const mixed = email.replace(/[a-z]/g, (letter, at: number) =>
    (index >> (at % 5)) & 1 ? letter.toUpperCase() : letter,
  );
  return index % 3 === 0 ? mixed.replace(/\.(?=[^.]*$)/, '\u3002') : mixed;
}
