import assert from 'node:assert/strict';
import { type Client, dataOf } from '../../../../e2e/support/client.ts';
import type { Application } from '../support/application.ts';
import type { FakePerson } from '../support/fake-provider.ts';
import { PageBrowser, signIn } from '../support/page-browser.ts';
import { callbackAfter, leaveFor, newPerson } from '../support/provider-logins.ts';
import { assertSame, password } from './checks.ts';
import type { Race } from './race.ts';
import { concurrency, type TwoNodes } from './two-nodes.ts';

/** Invariant 1: of the callbacks of one state one redeems the code. */
export const providerState: Race = {
  name: 'state of a provider',
  claim:
    'one callback, 20 concurrent requests on two nodes: one session, one request to the provider, and a page for the others',
  async run(nodes) {
    const { fake } = await as(nodes, newPerson());
    const browser = new PageBrowser(pagesOf(nodes.node(0)));
    const path = await leaveFor(browser, await nodes.provider());
    const redeemed = fake.requestsTo('/token').length;
    const cookie = browser.cookie;
    const results = await nodes.concurrently((node) => outcomeOf(node, path, cookie));
    assertSame(tally(results), { '/account': 1, 'page 400': concurrency - 1 }, 'outcomes');
    assert.equal(fake.requestsTo('/token').length, redeemed + 1, 'requests to the token endpoint');
    return {};
  },
};

/** Invariant 6: an identity has one user, and each of its sign-ins leads to that user. */
export const firstSignIn: Race = {
  name: 'first sign-in with a provider',
  claim: 'a new person in 20 browsers at once: one account, and every browser is signed in to it',
  async run(nodes) {
    const person = newPerson();
    await as(nodes, person);
    const departures = await leaveEach(nodes);
    const results = await nodes.concurrently((node, index) => comeBack(node, departures[index]));
    assertSame(tally(results), { '/account': concurrency }, 'outcomes');
    assert.equal(await countUsers(nodes, person), 1, 'users of the identity');
    assert.equal(await nodes.count(accountsOf, [person.email]), 1, 'accounts of the address');
    assert.equal(await nodes.count(sessionsOf, [person.sub]), concurrency, 'sessions of the account');
    return {};
  },
};

/** Invariant 6: an identity is linked to one account. */
export const linkAgainstLink: Race = {
  name: 'link against link',
  claim: 'two accounts link one identity, 10 callbacks each: one account has it, and the other one a page that says so',
  async run(nodes, email) {
    const person = newPerson({ email_verified: false });
    await as(nodes, person);
    const emails = [email, `other-${email}`];
    for (const each of emails) await nodes.registerVerified(each, password);
    const departures = await Promise.all(emails.map((each) => connecting(nodes, each, concurrency)));
    const results = await nodes.concurrently((node, index) => comeBack(node, departures[sideOf(index)]?.[index]));
    const sides = [0, 1].map((side) => tally(results.filter((_, index) => sideOf(index) === side)));
    const winner = sides.findIndex((side) => done in side);
    assertSame(sides[winner], { [done]: concurrency / 2 }, 'outcomes of the winner');
    assertSame(sides[1 - winner], { 'page 409': concurrency / 2 }, 'outcomes of the other account');
    assert.equal(await countUsers(nodes, person), 1, 'users of the identity');
    assert.equal(await nodes.count(identitiesOf, [emails[winner]]), 1, 'identities of the winner');
    return { outcome: winner === 0 ? 'first account' : 'second account' };
  },
};

/** Invariant 4: an identity that was unlinked is not linked again by a session that ended with it. */
export const linkAgainstUnlink: Race = {
  name: 'link against unlink',
  claim: '19 callbacks that link an identity again while it is unlinked: it is gone, and no session but one is left',
  async run(nodes, email) {
    const person = newPerson({ email_verified: false });
    const { id: provider } = await as(nodes, person);
    await nodes.registerVerified(email, password);
    const [first, ...departures] = await connecting(nodes, email, concurrency + 1);
    assert.equal(await comeBack(nodes.node(0), first), done, 'the first link');
    const { accessToken: token } = dataOf(await nodes.node(1).login(email, password));
    const [row] = await nodes.rows<{ id: string }>('select id from federated_identities where subject = $1', [
      person.sub,
    ]);
    let isUnlinked = false;
    const results = await nodes.concurrently(async (node, index) => {
      if (index !== 9) return await comeBack(node, departures[index]);
      await nodes.delay(24);
      isUnlinked = (await node.api('DELETE', `/users/me/identities/${row?.id}`, { token })).ok;
      return 'unlinked';
    });
    assert.ok(isUnlinked, 'the identity was unlinked');
    const { unlinked: _, [done]: early = 0, ...refused } = tally(results);
    const isExpected = Object.keys(refused).every((outcome) => outcome === 'page 401' || outcome.startsWith('/login'));
    assert.ok(isExpected, `outcomes ${JSON.stringify(refused)}`);
    assert.equal(await countUsers(nodes, person), 0, `users of the identity of ${provider}`);
    assert.equal(await nodes.count(sessionsOfAddress, [email]), 1, 'sessions');
    return { outcome: early === 0 ? 'unlinked first' : 'linked first' };
  },
};

const done = '/account/connections?done=connected';

const accountsOf = 'select count(*) from identifiers where canonical = $1';

const sessionsOf = `
  select count(*) from sessions s join federated_identities f on f.user_id = s.user_id
  where f.subject = $1 and s.ended_at is null`;

const sessionsOfAddress = `
  select count(*) from sessions s join users u on u.id = s.user_id join identifiers i on i.user_id = u.id
  where i.canonical = $1 and s.ended_at is null and s.auth_epoch = u.auth_epoch`;

const identitiesOf = `
  select count(*) from federated_identities f join identifiers i on i.user_id = f.user_id where i.canonical = $1`;

function countUsers(nodes: TwoNodes, { sub }: FakePerson): Promise<number> {
  return nodes.count('select count(distinct user_id) from federated_identities where subject = $1', [sub]);
}

/** Which of two accounts a request is of; both nodes get requests of both. */
function sideOf(index: number): number {
  return index % 4 < 2 ? 0 : 1;
}

/** The provider, which identifies this person from now on. */
async function as(nodes: TwoNodes, person: FakePerson) {
  const provider = await nodes.provider();
  provider.fake.person = person;
  return provider;
}

/** The pages of a node, for a browser. */
function pagesOf(node: Client): Pick<Application, 'send'> {
  const send = async (method: string, path: string, sent: Parameters<Application['send']>[2] = {}) => {
    const { form, cookie, headers } = sent;
    const type = form === undefined ? {} : { 'content-type': 'application/x-www-form-urlencoded' };
    const body = form === undefined ? null : new URLSearchParams(form).toString();
    const all = { ...type, ...headers, ...(cookie ? { cookie } : {}) };
    const response = await node.send(method, path, { headers: all, body });
    const { status, headers: received } = response;
    const text = await response.text();
    const page = { data: undefined, code: undefined, errors: [], cookies: received.getSetCookie() };
    return { status, headers: received, text, ...page };
  };
  return { send: send as Application['send'] };
}

/** A browser that left for the provider, and the callback that it comes back with. */
interface Departure {
  readonly browser: PageBrowser;
  readonly path: string;
}

/** A browser of its own for each concurrent request, which has left to sign in. */
async function leaveEach(nodes: TwoNodes): Promise<readonly Departure[]> {
  const provider = await nodes.provider();
  return Promise.all(
    Array.from({ length: concurrency }, async (_, index) => {
      const browser = new PageBrowser(pagesOf(nodes.node(index)));
      return { browser, path: await leaveFor(browser, provider) };
    }),
  );
}

/** A browser that is signed in and has left several times to connect the identity. */
async function connecting(nodes: TwoNodes, email: string, times: number): Promise<readonly Departure[]> {
  const provider = await nodes.provider();
  const browser = new PageBrowser(pagesOf(nodes.node(0)));
  await signIn(browser, email, password);
  const { text } = await browser.open('/account/connections');
  const departures: Departure[] = [];
  for (let count = 0; count < times; count += 1) {
    const left = await browser.submitFrom(text, '/account/connections/connect', { provider: provider.id });
    departures.push({ browser, path: callbackAfter(provider, left) });
  }
  return departures;
}

function comeBack(node: Client, departure: Departure | undefined): Promise<string> {
  assert.ok(departure !== undefined, 'each request has a browser');
  return outcomeOf(node, departure.path, departure.browser.cookie);
}

/** The path that a callback leads to, or the status of its page. */
async function outcomeOf(node: Client, path: string, cookie: string): Promise<string> {
  const response = await node.send('GET', path, { headers: { cookie } });
  await response.arrayBuffer();
  return response.headers.get('location') ?? `page ${response.status}`;
}

function tally(outcomes: readonly string[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const outcome of outcomes) counts[outcome] = (counts[outcome] ?? 0) + 1;
  return counts;
}
