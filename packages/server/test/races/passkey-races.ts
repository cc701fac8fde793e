import assert from 'node:assert/strict';
import type { AuthenticationResponseJson, RequestOptionsJson } from '#protocol/webauthn/index.ts';
import { type ApiResult, type Client, dataOf, type Tokens } from '../../../../e2e/support/client.ts';
import { authenticate, createCredential, flagBits, register, type TestCredential } from '../webauthn/authenticator.ts';
import { countSuccesses, password, requireOneSuccess } from './checks.ts';
import type { Race } from './race.ts';
import { type StepRequired, tryLogin } from './requests.ts';
import type { TwoNodes } from './two-nodes.ts';

const origin = 'http://localhost:5625';
const rpId = 'localhost';
const flags = flagBits.up | flagBits.uv;

/** Invariant 1: an assertion is used once, and a node that lost the race reports no clone. */
export const passkeyLogin: Race = {
  name: 'passkey login',
  claim: 'one assertion, 20 concurrent requests on two nodes: one session',
  async run(nodes, email) {
    const { key } = await addKey(nodes, email, 'passkey');
    const { publicKey, browserToken } = await loginOptions(nodes.node(0));
    const body = { credential: key.sign(publicKey, 1), browserToken };
    const responses = await nodes.concurrently((node) => node.api<Tokens>('POST', '/auth/login/passkey', { body }));
    const winner = responses[requireOneSuccess(responses, ['invalid_passkey'])];
    assert.ok(winner !== undefined, 'there is a winner');
    for (const node of nodes.clients) dataOf(await node.session(dataOf(winner).accessToken));
    assert.equal(await nodes.count(mailsAboutClones, [email]), 0, 'a used assertion was taken for a clone');
    return {};
  },
};

/** Invariant 1: of an authenticator and its clone, which sign with the same counter, one is accepted. */
export const passkeyOfTicket: Race = {
  name: 'passkey and its clone',
  claim: 'two assertions with one counter for two tickets, 20 concurrent requests on two nodes: one session',
  async run(nodes, email) {
    const { key } = await addKey(nodes, email, 'security_key');
    const proofs = await Promise.all(
      [0, 1].map(async (index) => {
        const { ticket } = dataOf(await tryLogin(nodes.node(index), email, password));
        return { ticket, passkey: key.sign(await ticketOptions(nodes.node(index), ticket), 1) };
      }),
    );
    const responses = await nodes.concurrently((node, index) =>
      node.api<Tokens>('POST', '/auth/login/second-factor', { body: proofs[index % 4 < 2 ? 0 : 1] }),
    );
    requireOneSuccess(responses, ['invalid_passkey', 'invalid_ticket']);
    assert.ok((await nodes.count(mailsAboutClones, [email])) >= 1, 'the user learns of the clone');
    return {};
  },
};

/** Invariant 4: a passkey that goes leaves no session that it began. */
export const removeAgainstLogin: Race = {
  name: 'remove passkey against login',
  claim: '16 logins by a passkey concurrent with 4 removals of it: one removal, and no session of the passkey is left',
  async run(nodes, email) {
    const { key, id, token } = await addKey(nodes, email, 'passkey');
    const options = await Promise.all(Array.from({ length: 20 }, (_, index) => loginOptions(nodes.node(index))));
    const responses = await nodes.concurrently(async (node, index) => {
      if (index % 5 === 0) return await node.api<Tokens>('DELETE', `/users/me/passkeys/${id}`, { token });
      const { publicKey, browserToken } = options[index] ?? (await loginOptions(node));
      const body = { credential: key.sign(publicKey, 0), browserToken };
      await nodes.delay(4);
      return await node.api<Tokens>('POST', '/auth/login/passkey', { body });
    });
    requireOneSuccess(
      responses.filter((_, index) => index % 5 === 0),
      ['not_authenticated', 'passkey_not_found'],
    );
    const logins = responses.filter((_, index) => index % 5 !== 0);
    const successes = countSuccesses(logins, ['invalid_passkey', 'unknown_passkey']);
    assert.equal(await nodes.count(sessionsOfPasskeys, [email]), 0, 'a session of the removed passkey is left');
    return { outcome: successes === 0 ? 'removed first' : 'some logins first' };
  },
};

const mailsAboutClones = `
  select count(*) from mail_ledger m join identifiers i on i.id = m.identifier_id
  where i.canonical = $1 and m.template = 'passkey_counter_stuck'`;

const sessionsOfPasskeys = `
  select count(*) from sessions s join users u on u.id = s.user_id join identifiers i on i.user_id = u.id
  where i.canonical = $1 and s.factor_times ? 'passkey' and s.ended_at is null and s.auth_epoch = u.auth_epoch`;

interface Key {
  readonly sign: (
    options: Pick<RequestOptionsJson, 'challenge' | 'allowCredentials'>,
    signCount: number,
  ) => AuthenticationResponseJson;
}

interface LoginOptions {
  readonly publicKey: RequestOptionsJson;
  readonly browserToken: string;
}

async function loginOptions(node: Client): Promise<LoginOptions> {
  return dataOf(await node.api<LoginOptions>('POST', '/auth/login/passkey/options', { body: {} }));
}

async function ticketOptions(node: Client, ticket: StepRequired['ticket']): Promise<RequestOptionsJson> {
  const response = await node.api<Pick<LoginOptions, 'publicKey'>>('POST', '/auth/login/second-factor/options', {
    body: { ticket },
  });
  return dataOf(response).publicKey;
}

interface CreationOptions {
  readonly publicKey: { readonly challenge: string; readonly user: { readonly id: string } };
}

/** A registered user with a key; `token` is that of the session that added it. */
async function addKey(
  nodes: TwoNodes,
  email: string,
  kind: 'passkey' | 'security_key',
): Promise<{ readonly key: Key; readonly id: string; readonly token: string }> {
  await nodes.registerVerified(email, password);
  const { accessToken: token } = dataOf(await nodes.node(0).login(email, password));
  const path = '/users/me/passkey-options';
  const options = dataOf(await nodes.node(0).api<CreationOptions>('POST', path, { token, body: { kind } }));
  const { challenge, user } = options.publicKey;
  const credential = createCredential(-7);
  const body = { kind, credential: register(credential, { challenge, ...fixed, signCount: 0 }) };
  const added: ApiResult<Partial<Tokens> & { readonly passkey: { readonly id: string } }> = await nodes
    .node(1)
    .api('POST', '/users/me/passkeys', { token, body });
  const { passkey, accessToken = token } = dataOf(added);
  return { key: keyOf(credential, Buffer.from(user.id, 'base64url')), id: passkey.id, token: accessToken };
}

const fixed = { origin, rpId, flags, clientData: {}, extensions: Buffer.alloc(0) };

function keyOf(credential: TestCredential, userHandle: Buffer): Key {
  return {
    sign: ({ challenge, allowCredentials }, signCount) =>
      authenticate(
        credential,
        { challenge, ...fixed, signCount },
        allowCredentials.length === 0 ? userHandle : undefined,
      ),
  };
}
