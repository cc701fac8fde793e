/** Invariant 3: one gate decides every login. No path leads around it to a session. */
import { randomBytes } from 'node:crypto';
import { beforeAll, describe, expect, it } from 'vitest';
import { type ProofName, proofKinds } from '#domain/authentication/proofs.ts';
import { disableUser, endSessions } from '#flows/admin-users/index.ts';
import { present } from '#kernel/assert.ts';
import { statement } from '#platform/database/index.ts';
import type { Endpoint } from '#platform/http/index.ts';
import { formatSecret, secretPrefixes } from '#protocol/secret-token/index.ts';
import { secondWayEndpoints } from './fixtures/second-way/index.ts';
import { differences, printCells, readReviewed } from './login-gate/reviewed.ts';
import {
  enterState,
  mustChangePasswordInSameEpoch,
  restrictions,
  type State,
  states,
  ticketOf,
} from './login-gate/states.ts';
import { fieldsOf, Walk, walkable } from './login-gate/walk.ts';
import { type ActingUser, addActingUser, linkToken, logIn, startSession } from './revocation-matrix/acting-user.ts';
import { Application, type AppResponse, type RequestOptions } from './support/application.ts';
import { loginByCode, loginByLink, loginMethodsEnabled, requestCode, requestLink } from './support/login-by-mail.ts';
import { operator } from './support/operator.ts';
import { addPasskey, passkeyLoginOptions, passkeyLoginPath, signChallenge } from './support/passkeys.ts';
import { renderedForm } from './support/rendered-form.ts';
import { codeNow, proveSecondFactor } from './support/second-factors.ts';
import {
  linkNewIdentity,
  loginByIdToken,
  nativeToken,
  sharedProvider,
  stopSharedProvider,
} from './support/shared-provider.ts';
import { beforeEachHash } from './support/stored-login.ts';
import { login, sameOrigin, type Tokens, uniqueEmail, validPassword } from './support/user-actions.ts';

const countActiveSessions = statement('login_gate_test.count_active_sessions', {
  lane: 'pool',
  sql: `select count(*)::int4 as sessions from sessions s join users u on u.id = s.user_id
    where u.id = :userId and s.ended_at is null and s.auth_epoch = u.auth_epoch and u.status = 'active'`,
  params: { userId: 'uuid' },
  columns: { sessions: 'int4?' },
});

let app: Application;

beforeAll(async () => {
  app = await Application.open({ manual: true, env: loginMethodsEnabled });
  await app.services.revocations.start();
  return async () => {
    await stopSharedProvider(app);
    await app.close();
  };
});

async function activeSessionsOf({ userId }: ActingUser): Promise<number> {
  return (await app.services.database.row(countActiveSessions, { userId }))?.sessions ?? 0;
}

describe('the endpoints', () => {
  const reviewed = readReviewed();
  let walk: Walk;

  beforeAll(async () => {
    walk = await Walk.open(app);
    return () => walk.close();
  });

  it('have a reviewed row each', () => {
    expect(
      walkable(app.endpoints)
        .map(({ id }) => id)
        .toSorted(),
    ).toEqual([...reviewed.keys()].toSorted());
  });

  it.each([...reviewed.keys()])('%s issues what was reviewed, in each state of the user', async (id) => {
    const cells = await Promise.all(app.endpoints.filter((endpoint) => endpoint.id === id).map((e) => walk.walk(e)));
    expect(differences(cells.flat(), reviewed), printCells(cells.flat())).toEqual([]);
  });

  it('issue a session or tokens to active users only, and with two factors only for two factors', () => {
    for (const [id, row] of reviewed) {
      const issuing = states.filter((state) => /^(session|tokens)/.test(row[state]));
      const oneFactor: readonly State[] = ['active', 'passkey'];
      const isPasskey = id === 'login.passkey' || id === 'login.submit_passkey';
      const open: readonly State[] = isPasskey
        ? [...oneFactor, 'two factors', 'security key', 'required by role']
        : oneFactor;
      // The step that the state needs, taken: the user is active from then on.
      const isNewPassword = id === 'login.change_password' || id === 'login.submit_change_password';
      const allowed: readonly State[] = isNewPassword ? ['must change password'] : open;
      expect(new Set(issuing), id).toEqual(new Set(issuing.length === 0 ? [] : allowed));
    }
  });
});

describe('a planted endpoint that writes a session by itself', () => {
  it('is found by the walk in every state, with the request that obtained the session', async () => {
    const planted = secondWayEndpoints(app.services);
    const walk = await Walk.open(app, planted);
    const cells = await Promise.all(planted.map((endpoint) => walk.walk(endpoint)));
    await walk.close();
    const trace = 'POST /api/v1/auth/second-way { email, password } →';
    const unreviewed = 'reviewed: nothing, since it was never reviewed';
    expect(differences(cells.flat(), readReviewed())).toEqual([
      `active: ${trace} session; ${unreviewed}`,
      `unverified: ${trace} session; ${unreviewed}`,
      `must change password: ${trace} session; ${unreviewed}`,
      `disabled: ${trace} session; ${unreviewed}`,
      `two factors: ${trace} 500 internal; ${unreviewed}`,
      `required by role: ${trace} 500 internal; ${unreviewed}`,
      `pending deletion: ${trace} session; ${unreviewed}`,
      `grace period over: ${trace} session; ${unreviewed}`,
      `erased: ${trace} 401 invalid_credentials; ${unreviewed}`,
      `passkey: ${trace} session; ${unreviewed}`,
      `security key: ${trace} 500 internal; ${unreviewed}`,
    ]);
  });
});

/** A login that is ready to be sent. */
type PreparedLogin = (user: ActingUser) => Promise<() => Promise<AppResponse<Tokens>>>;

/** The proofs that may complete a login; after a mailbox code or a setup link a second factor must be set up. */
type LoginProofName = Exclude<ProofName, 'mailbox_code' | 'setup_link'>;

const logins: Readonly<Record<LoginProofName, PreparedLogin>> = {
  password: async (user) => () => logIn(user),
  magic_link: async (user) => {
    const { browserToken } = (await requestLink(app, user.email)).data;
    const token = await linkToken(user, 'magic_link');
    return () => loginByLink(app, token, { browserToken });
  },
  email_code: async (user) => {
    const { email } = user;
    const { browserToken } = (await requestCode(app, email)).data;
    const code = await linkToken(user, 'email_code');
    return () => loginByCode(app, email, code, { browserToken });
  },
  totp: async (user) => {
    const ticket = await ticketOfTwoFactors(user);
    const code = codeNow(app, present(user.totpSecret, 'the secret of the app'));
    return () => proveSecondFactor(app, ticket, { code });
  },
  recovery_code: async (user) => {
    const ticket = await ticketOfTwoFactors(user);
    const recoveryCode = present(user.recoveryCodes?.pop(), 'an unused recovery code');
    return () => proveSecondFactor(app, ticket, { recoveryCode });
  },
  passkey: async (user) => {
    await startSession(user);
    const { passkey } = await addPasskey(app, present(user.acting, 'the acting session').credentials);
    await endSessions(app.services, operator, user.userId);
    const { publicKey, browserToken } = await passkeyLoginOptions(app);
    const credential = signChallenge(app, passkey, publicKey);
    return () => app.send<Tokens>('POST', passkeyLoginPath, { json: { credential, browserToken } });
  },
  identity_provider: async (user) => {
    const { person } = await linkNewIdentity(app, user.userId);
    const token = await nativeToken(app, await sharedProvider(app), person);
    return () => loginByIdToken(app, token);
  },
};

/** The ticket of a password of a user with two factors, whose next guess is not delayed and whose next code is unused. */
async function ticketOfTwoFactors(user: ActingUser): Promise<string> {
  app.clock.advance(16 * 60_000);
  await enterState(user, 'two factors');
  await endSessions(app.services, operator, user.userId);
  app.clock.advance(30_000);
  return present((await login(app, user.email)).data.ticket, 'a ticket');
}

const isSecond = (by: LoginProofName) => by === 'totp' || by === 'recovery_code';

const proofNames = (Object.keys(proofKinds) as readonly ProofName[]).filter(
  (by) => by !== 'mailbox_code' && by !== 'setup_link',
);

/** Runs `change` after the login has read the user, and before it writes: at the hash, or before its transaction. */
function changeDuring(by: LoginProofName, change: () => Promise<void>): () => void {
  let isDone = false;
  const once = async () => {
    if (isDone) return;
    isDone = true;
    await change();
  };
  if (by === 'password') return beforeEachHash(app, once);
  const { database } = app.services;
  const transaction = database.transaction.bind(database);
  database.transaction = async (work) => {
    await once();
    return transaction(work);
  };
  return () => {
    database.transaction = transaction;
  };
}

/** A passkey outlives these changes: it proves both factors, or leads to the ticket of the step. So does an identity. */
const ticket = [false, [], 0] as const;
const outliving: Partial<Readonly<Record<ProofName, Readonly<Record<string, readonly unknown[]>>>>> = {
  passkey: {
    'two factors': [false, [], 1],
    'required by role': [false, [], 1],
    'must change password': ticket,
    'pending deletion': ticket,
  },
  identity_provider: {
    'two factors': ticket,
    'required by role': ticket,
    'must change password': ticket,
    'pending deletion': ticket,
  },
};

describe.each(proofNames)('a login by %s', (by) => {
  it.each(Object.keys(restrictions))('issues nothing when the user becomes "%s" in the middle of it', async (name) => {
    const user = await addActingUser(app);
    const send = await logins[by](user);
    let hasChanged = false;
    const restore = changeDuring(by, async () => {
      await restrictions[name]?.(user);
      hasChanged = true;
    });
    const response = await send();
    restore();
    expect(hasChanged).toBe(true);
    const outcome = [response.status >= 400, response.cookies, await activeSessionsOf(user)];
    expect(outcome).toEqual(outliving[by]?.[name] ?? [true, [], 0]);
  });

  it('yields at most one session to 20 concurrent requests if the proof is single-use, and none that outlives a disabling', async () => {
    const user = await addActingUser(app);
    const send = await logins[by](user);
    const responses = await Promise.all(Array.from({ length: 20 }, send));
    const issued = responses.filter(({ status }) => status === 200);
    const refusals = new Set(responses.flatMap(({ code }) => code ?? []));
    refusals.delete('too_many_requests');
    // A ticket is consumed with its proof, so that the others find either used.
    if (isSecond(by)) refusals.delete('invalid_ticket');
    const { refusal } = proofKinds[by];
    const others = isSecond(by) && refusals.size === 0 ? [] : [refusal];
    expect([issued.length, ...refusals]).toEqual(by === 'password' ? [20] : [1, ...others]);
    const late = await logins[by](user);
    const racing = Promise.all(Array.from({ length: 20 }, late));
    await disableUser(app.services, operator, user.userId);
    await racing;
    expect(await activeSessionsOf(user)).toBe(0);
  });
});

describe.each(proofNames.filter((by) => by !== 'password'))(
  'a login by %s, which reads the facts under a lock',
  (by) => {
    it('sees a fact that turned stricter without a new epoch', async () => {
      const user = await addActingUser(app);
      const send = await logins[by](user);
      const restore = changeDuring(by, () => mustChangePasswordInSameEpoch(user));
      const response = await send();
      restore();
      expect([response.data.step, await activeSessionsOf(user)]).toEqual(['change_password', 0]);
    });
  },
);

describe('the step of a ticket', () => {
  async function addWithTicket(): Promise<{ readonly user: ActingUser; readonly ticket: string }> {
    const user = await addActingUser(app);
    await enterState(user, 'pending deletion');
    return { user, ticket: await ticketOf(user) };
  }

  const cancel = (ticket: string) => app.send('POST', '/api/v1/auth/cancel-deletion', { json: { ticket } });

  it.each(Object.keys(restrictions).filter((name) => name !== 'pending deletion' && name !== 'two factors'))(
    'is rejected when the user became "%s" after the ticket was issued',
    async (name) => {
      const { user, ticket } = await addWithTicket();
      await restrictions[name]?.(user);
      expect([(await cancel(ticket)).code, await activeSessionsOf(user)]).toEqual(['invalid_ticket', 0]);
    },
  );

  it('is rejected when an earlier step is missing, and the ticket remains usable', async () => {
    const { user, ticket } = await addWithTicket();
    await mustChangePasswordInSameEpoch(user);
    for (const _ of [1, 2]) expect((await cancel(ticket)).code).toBe('login_incomplete');
  });

  it('is the only thing that a ticket opens, in any part of a request and on any node', async () => {
    const { user, ticket } = await addWithTicket();
    const other = await Application.open({ deploymentOf: app, manual: true, env: loginMethodsEnabled });
    await other.services.revocations.start();
    const unknown = formatSecret(secretPrefixes.loginTicket, randomBytes(32));
    let compared = 0;
    for (const endpoint of walkable(app.endpoints)) {
      for (const position of positionsOf(endpoint)) {
        const path = endpoint.path.replace('{id}', user.userId).replace('{provider}', 'none');
        const send = async (node: Application, secret: string) => {
          const response = await node.send(endpoint.method, path + position.query(secret), position.sent(secret));
          return [endpoint.id, position.name, response.status, response.code];
        };
        for (const node of [app, other]) expect(await send(node, ticket)).toEqual(await send(node, unknown));
        compared += 1;
      }
    }
    await other.close();
    expect(compared).toBeGreaterThan(250);
    expect([(await cancel(ticket)).status, await activeSessionsOf(user)]).toEqual([200, 0]);
  });
});

/** A part of a request that could carry a ticket. */
interface TicketPosition {
  readonly name: string;
  readonly query: (secret: string) => string;
  readonly sent: (secret: string) => RequestOptions;
}

/** The steps that a ticket is for: there its field is not compared. */
const steps: readonly string[] = [
  'account.cancel_deletion',
  'login.change_password',
  'login.confirm_enrollment',
  'login.confirm_mailbox',
  'login.enroll',
  'login.mailbox_code',
  'login.second_factor',
  'login.second_factor_options',
];

function positionsOf(endpoint: Endpoint): TicketPosition[] {
  const isStep = steps.includes(endpoint.id);
  const content = (more: Readonly<Record<string, string>> = {}): RequestOptions => {
    const fields = { ...validFieldsOf(endpoint), ...more };
    if (endpoint.method === 'GET' || Object.keys(fields).length === 0) return { headers: sameOrigin };
    return endpoint.kind === 'page' ? { form: fields, headers: sameOrigin } : { json: fields, headers: sameOrigin };
  };
  const noQuery = () => '';
  const inHead: TicketPosition[] = [
    { name: 'bearer', query: noQuery, sent: (token) => ({ ...content(), token }) },
    { name: 'session cookie', query: noQuery, sent: (text) => ({ ...content(), cookie: `latchkey_session=${text}` }) },
    { name: 'login cookie', query: noQuery, sent: (text) => ({ ...content(), cookie: `latchkey_login=${text}` }) },
    { name: 'ticket cookie', query: noQuery, sent: (text) => ({ ...content(), ...ofBrowser(text) }) },
  ];
  const inQuery = ['ticket', 'token'].map((name) => {
    return { name: `query ${name}`, query: (secret: string) => `?${name}=${secret}`, sent: () => content() };
  });
  const inBody = [...Object.keys(validFieldsOf(endpoint)), ...(isStep ? [] : ['ticket'])].map((field) => {
    return { name: `body ${field}`, query: noQuery, sent: (secret: string) => content({ [field]: secret }) };
  });
  return [...inHead, ...inQuery, ...inBody];
}

/** A ticket that the API issued, in the cookie of a browser that was shown a form. */
function ofBrowser(ticket: string): Pick<RequestOptions, 'headers'> {
  return { headers: { ...sameOrigin, cookie: `latchkey_ticket=${ticket}; ${renderedForm.cookie}` } };
}

/** Values that the schemas accept and that belong to no user; each call has another address, so that no attempt counts twice. */
function validFieldsOf(endpoint: Endpoint): Record<string, string> {
  const link = formatSecret(secretPrefixes.oneTimeLink, randomBytes(32));
  const email = uniqueEmail('absent');
  const values: Readonly<Record<string, string>> = {
    email,
    newEmail: email,
    password: validPassword,
    currentPassword: validPassword,
    newPassword: validPassword,
    name: 'Ada',
    locale: 'en',
    choice: 'verify',
    transport: 'token',
    login: '01890000-0000-7000-8000-000000000000',
    code: '000000',
    recoveryCode: '000000-000000-000000-000000',
    kind: 'totp',
    token: link,
    browserToken: formatSecret(secretPrefixes.loginBrowser, randomBytes(32)),
    refreshToken: formatSecret(secretPrefixes.refreshToken, randomBytes(32)),
    deviceToken: 'unknown',
  };
  return Object.fromEntries(
    fieldsOf(endpoint).flatMap((name) => (values[name] === undefined ? [] : [[name, values[name]]])),
  );
}
