import assert from 'node:assert/strict';
import { eventually } from '#test/support/wait.ts';
import { type Answer, type Client, dataOf, type Tokens } from '../../../../e2e/support/client.ts';
import { tokenOf } from '../../../../e2e/support/inbox.ts';
import { assertSame, assertWinners, onlyWinner, password, tallyOf } from './checks.ts';
import { Person } from './person-state.ts';
import type { Race } from './race.ts';
import type { TwoNodes } from './two-nodes.ts';

/** invariant 1: a login link is good once. */
export const magicLink: Race = {
  name: 'magic link',
  claim: 'pressed 20 times at once by the browser that asked: one session, which lives on both nodes, and one event',
  async run(two, email) {
    await two.registerVerified(email, password);
    const browserToken = await askFor(two, 'magic-link', email);
    const token = tokenOf(await two.awaitLink(email, [], '/login/magic-link'));
    const person = await Person.find(two, email);
    const answers = await two.atOnce((node) => logIn(node, 'magic-link', { token, browserToken }));
    await assertOneSession(two, person, answers, ['invalid_token']);
    return {};
  },
};

/** invariant 1 and 2: so is a code, and more tries at once than it is worth are refused before they are compared. */
export const emailCode: Race = {
  name: 'e-mail code',
  claim: 'typed 20 times at once by the browser that asked: one session, which lives on both nodes, and one event',
  async run(two, email) {
    const { code, browserToken } = await addWithCode(two, email);
    const person = await Person.find(two, email);
    const answers = await two.atOnce((node) => logIn(node, 'email-code', { email, code, browserToken }));
    await assertOneSession(two, person, answers, ['invalid_code', 'too_many_requests']);
    return {};
  },
};

/** invariant 2: parallel guesses are no cheaper than guesses one after another. */
export const guessedCode: Race = {
  name: 'guessed code',
  claim:
    '20 wrong codes at once on two nodes: each that is let through is counted, and the right one is dead afterwards',
  async run(two, email) {
    const { code, browserToken } = await addWithCode(two, email);
    const answers = await two.atOnce((node, index) =>
      logIn(node, 'email-code', { email, code: wrong(code, index + 1), browserToken }),
    );
    assertWinners(answers, ['invalid_code', 'too_many_requests']);
    const { won = 0, invalid_code: counted = 0 } = tallyOf(answers);
    assertSame({ won, tries: await two.count(countTries, [email]) }, { won: 0, tries: counted }, 'guesses');
    assert.ok(counted >= 5, `only ${counted} guesses were let through`);
    const late = await two.atOnce((node) => logIn(node, 'email-code', { email, code, browserToken }));
    assert.equal(tallyOf(late).won, undefined, 'the right code of a dead row still opens');
    return {};
  },
};

const countTries = `
  select max(t.tries) from one_time_tokens t join identifiers i on i.user_id = t.user_id
  where i.canonical = $1 and t.purpose = 'email_code'`;

/** Asks as an application does; answers its secret. */
async function askFor(two: TwoNodes, door: string, email: string): Promise<string> {
  const answer = await two.node(0).api<{ browserToken: string }>('POST', `/auth/login/${door}`, { body: { email } });
  return dataOf(answer).browserToken;
}

function logIn(node: Client, door: string, body: object): Promise<Answer<Tokens>> {
  return node.api<Tokens>('POST', `/auth/login/${door}/verify`, { body });
}

async function addWithCode(two: TwoNodes, email: string): Promise<{ code: string; browserToken: string }> {
  await two.registerVerified(email, password);
  const browserToken = await askFor(two, 'email-code', email);
  const seek = () => two.mailsFor(email).flatMap(({ text }) => /^Code: (\d{6})\s*$/m.exec(text)?.[1] ?? [])[0];
  const code = await eventually(seek, { what: `a code for ${email} has arrived`, timeoutMs: 20_000 });
  return { code, browserToken };
}

function wrong(code: string, by: number): string {
  return String((Number(code) + by) % 1_000_000).padStart(6, '0');
}

async function assertOneSession(
  two: TwoNodes,
  person: Person,
  answers: readonly Answer<Tokens>[],
  codes: readonly string[],
): Promise<void> {
  const winner = answers[onlyWinner(answers, codes)];
  assert.ok(winner !== undefined, 'there is a winner');
  const { accessToken } = dataOf(winner);
  for (const node of two.clients) dataOf(await node.session(accessToken));
  const { id } = person;
  assert.equal(await two.count('select count(*) from sessions where user_id = $1', [id]), 1, 'sessions');
  const events = `select count(*) from audit_events where user_id = $1 and action = 'login.succeeded'`;
  assert.equal(await two.count(events, [id]), 1, 'events of the login');
}
