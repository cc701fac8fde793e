/** A node of the release before second factors serves on this release's schema beside a node of this one: a password or a mailed link alone creates no session there of a user with two factors, and everything else works on both. */
import { parseArgs } from 'node:util';
import { type ApiResult, client, dataOf, type Tokens } from '../../e2e/support/client.ts';
import { awaitLink, type InboxMessage, readInbox, tokenOf } from '../../e2e/support/inbox.ts';
import { type RunningServer, startServer } from '../../e2e/support/server.ts';
import { connectDirectly } from '../../packages/server/test/support/direct-connection.ts';
import { codeNow } from '../../packages/server/test/support/second-factors.ts';
import { checkOut } from '../checkout.ts';
import { provideDatabase } from './support/provide-database.ts';
import { endWithSignals } from './support/signals.ts';
import { tableLines } from './support/table.ts';

/** The last commit that knows no second factor. */
const beforeSecondFactors = '556d838';
const password = 'correct horse battery staple';
const publicUrl = 'http://localhost:5625';
const parallelLogins = 20;

endWithSignals();
const { values } = parseArgs({ options: { commit: { type: 'string', default: beforeSecondFactors } } });
using checkout = checkOut(values.commit);
await using postgres = await provideDatabase();
const shared = { database: postgres.url, publicUrl, env: { LATCHKEY_MAGIC_LINK: 'true' } } as const;
// This release first: its node migrates the database.
const current = await startServer(shared);
const previous = await startServer({ ...shared, checkout: checkout.directory });
const nodes = { current, previous };

type Row = readonly [what: string, found: string, required: string];
const rows: Row[] = [];
const plain = await addUser('plain@example.com');
const guarded = await addUser('guarded@example.com');
const { session, secret } = await turnSecondFactorOn(guarded);

for (const [name, node] of Object.entries(nodes)) {
  const at = client(node.url);
  rows.push([`${name}: password of a user without second factor`, outcome(await at.login(plain, password)), 'session']);
  const { refreshToken } = dataOf(await at.login(plain, password));
  for (const [other, there] of Object.entries(nodes)) {
    const { accessToken } = dataOf(await at.login(plain, password));
    rows.push([`${name}: its session at ${other}`, outcome(await client(there.url).session(accessToken)), '200']);
  }
  rows.push([`${name}: refresh`, outcome(await at.refresh(refreshToken)), 'session']);
}
// Before the attempts that fail, which count.
rows.push(['current: password and code', await loginWithCode(), 'session']);
const required = { current: 'ticket', previous: 'no session' } as const;
for (const [name, node] of [['current', current] as const, ['previous', previous] as const]) {
  const at = client(node.url);
  const logins = await Promise.all(Array.from({ length: parallelLogins }, () => at.login(guarded, password)));
  const found = [...new Set(logins.map(outcome))].sort().join(', ');
  rows.push([`${name}: password of a user with two factors, ${parallelLogins} at once`, found, required[name]]);
  rows.push([`${name}: mailed link of that user`, await loginByLink(node), required[name]]);
}
rows.push([
  'previous: refresh of a session of two factors',
  outcome(await client(previous.url).refresh(session.refreshToken)),
  'session',
]);
rows.push(['active sessions of one factor of that user', String(await countWeakSessions()), '0']);
for (const node of [previous, current]) rows.push(['exit code of a node', String(await node.stop()), '0']);

const judged = rows.map(([what, found, wanted]) => [
  what,
  found,
  wanted,
  holds(found, wanted) ? 'holds' : 'DOES NOT HOLD',
]);
for (const line of tableLines(['what', 'found', 'required', ''], judged)) console.log(line);
process.exitCode = rows.every(([, found, wanted]) => holds(found, wanted)) ? 0 : 1;

/** Only "no session" covers several outcomes: the previous release cannot name the reason. */
function holds(found: string, wanted: string): boolean {
  return wanted === 'no session' ? !/session|ticket/.test(found) : found === wanted;
}

async function addUser(email: string): Promise<string> {
  const at = client(current.url);
  dataOf(await at.register({ email, password }));
  dataOf(await at.verify(tokenOf(await awaitLink(() => readMail(email), '/verify-email'))));
  return email;
}

async function turnSecondFactorOn(email: string): Promise<{ readonly session: Tokens; readonly secret: string }> {
  const at = client(current.url);
  const { accessToken: token } = dataOf(await at.login(email, password));
  const enrolment = dataOf(await at.api<{ secret: string }>('POST', '/users/me/totp', { token, body: {} }));
  const body = { code: code(enrolment.secret) };
  const confirmed = dataOf(await at.api<Tokens>('POST', '/users/me/totp/confirm', { token, body }));
  return { session: confirmed, secret: enrolment.secret };
}

/** `steps`: the code of this moment is used up by the enrolment, the next is accepted already (RFC 6238 §5.2). */
function code(base32: string, steps = 0): string {
  return codeNow({ clock: { now: () => new Date() } }, base32, steps);
}

async function loginByLink(node: RunningServer): Promise<string> {
  const at = client(node.url);
  const earlier = new Set((await readMail(guarded)).flatMap((message) => message.links));
  const body = { email: guarded, transport: 'token' };
  const { browserToken } = dataOf(await at.api<{ browserToken: string }>('POST', '/auth/login/magic-link', { body }));
  const link = await awaitLink(() => readMail(guarded), '/login/magic-link', earlier);
  const answer = { token: tokenOf(link), browserToken, transport: 'token' };
  return outcome(await at.api('POST', '/auth/login/magic-link/verify', { body: answer }));
}

/** Either node may deliver a mail, each to its own inbox. */
async function readMail(to: string): Promise<readonly InboxMessage[]> {
  const inboxes = await Promise.all(Object.values(nodes).map((node) => readInbox(node.opsUrl, to)));
  return inboxes.flat();
}

async function loginWithCode(): Promise<string> {
  const at = client(current.url);
  const body = { email: guarded, password };
  const { ticket } = dataOf(await at.api<{ ticket?: string }>('POST', '/auth/login', { body }));
  return outcome(await at.api('POST', '/auth/login/second-factor', { body: { ticket, code: code(secret, 1) } }));
}

async function countWeakSessions(): Promise<number> {
  const connection = await connectDirectly(postgres.url);
  const { rows: found } = await connection.query(
    `select count(*)::int as weak from sessions s join users u on u.id = s.user_id
      where u.mfa_enabled and s.ended_at is null and s.auth_epoch = u.auth_epoch and s.acr not in ('2', 'phr')`,
  );
  await connection.end();
  return (found[0] as { readonly weak: number }).weak;
}

function outcome(result: ApiResult<unknown>): string {
  if (!result.ok) return `${result.status} ${result.code}`;
  const { accessToken, ticket } = (result.data ?? {}) as { readonly accessToken?: string; readonly ticket?: string };
  if (accessToken !== undefined) return 'session';
  return ticket === undefined ? String(result.status) : 'ticket';
}
