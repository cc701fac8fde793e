/** Logins by second factor and by passkey, in milliseconds of their last request, one at a time. */
import { systemClock } from '../../packages/server/src/kernel/clock.ts';
import { codeNow } from '../../packages/server/test/support/second-factors.ts';
import {
  authenticate,
  createCredential,
  flagBits,
  register,
  type TestCredential,
} from '../../packages/server/test/webauthn/authenticator.ts';
import type { Lab } from '../support/lab.ts';
import { type LoadResponse, load } from '../support/load.ts';
import { dataOf, requestBytes } from '../support/requests.ts';
import type { Measurement, Row } from '../support/row.ts';
import { addTokenSessions, type BenchUser, loginRequest } from '../support/users.ts';
import { median } from '../support/windows.ts';

/** Each uses one code of an app: the next one is half a minute away. */
const userCount = 60;
/** Logins of each user before the measurement. */
const warmUps = 8;

export const secondFactorRows: readonly Row[] = [
  row('second-factor', 'second half of a login by code', [5, 3], async (lab) => {
    const { port, opsPort } = await lab.system();
    // Users of their own: those of the lab log in by password alone.
    const users = await addAppUsers({ port, opsPort }, await lab.newUsers(userCount));
    for (let round = 0; round < warmUps; round += 1) {
      // By recovery code: it takes the same way.
      await last(port, users, (user) => logInWith(user, { recoveryCode: user.recoveryCodes[round] }));
    }
    return last(port, users, (user) => logInWith(user, { code: codeNow({ clock: systemClock }, user.secret, 1) }));
  }),
  row('passkey-login', 'login by passkey', [8, 5], async (lab) => {
    const { port, opsPort } = await lab.system();
    const users = await addPasskeyUsers({ port, opsPort }, await lab.newUsers(userCount));
    for (let round = 0; round < warmUps; round += 1) await last(port, users, logInByPasskey);
    return last(port, users, logInByPasskey);
  }),
];

function row(
  name: string,
  operation: string,
  [floor, aim]: readonly [number, number],
  milliseconds: (lab: Lab) => Promise<readonly number[]>,
): Row {
  const measure = async (lab: Lab): Promise<Measurement> => {
    const values = await milliseconds(lab);
    return { latchkey: `${values.length} logins`, reference: '', value: median(values) };
  };
  return { name, operation, unit: 'ms', better: 'smaller', floor, aim, measure };
}

interface Target {
  readonly port: number;
  readonly opsPort: number;
}

/** Requests of one user, each made from the response to the one before. */
type Conversation = Generator<Buffer, void, LoadResponse>;

/** Runs a conversation of each user on one connection; returns the milliseconds of each one's last request. */
async function last<U>(
  port: number,
  users: readonly U[],
  begin: (user: U) => Conversation,
): Promise<readonly number[]> {
  const milliseconds: number[] = [];
  const remaining = users.map(begin);
  let request = remaining[0]?.next().value as Buffer | undefined;
  const onResponse = (_: number, response: LoadResponse) => {
    const next = remaining[0]?.next(response);
    if (next?.done !== true) {
      request = next?.value;
      return;
    }
    milliseconds.push(response.milliseconds);
    remaining.shift();
    request = remaining[0]?.next().value as Buffer | undefined;
  };
  await load({ next: () => request, onResponse }, { port, connections: 1 });
  return milliseconds;
}

interface AppUser {
  readonly user: BenchUser;
  readonly secret: string;
  readonly recoveryCodes: readonly string[];
}

async function addAppUsers(target: Target, users: readonly BenchUser[]): Promise<AppUser[]> {
  const added: AppUser[] = [];
  const enroll = function* (user: BenchUser, token: string): Conversation {
    const path = '/api/v1/users/me/totp';
    const { secret } = dataOf<{ secret: string }>(yield requestBytes('POST', path, { token, body: {} }));
    const body = { code: codeNow({ clock: systemClock }, secret) };
    added.push({ user, secret, ...dataOf<Pick<AppUser, 'recoveryCodes'>>(yield post(`${path}/confirm`, body, token)) });
  };
  for (const user of users)
    await last(target.port, await addTokenSessions(target, [user], 1), (session) => enroll(user, session.accessToken));
  return added;
}

function* logInWith({ user }: AppUser, proof: object): Conversation {
  const { ticket } = dataOf<{ ticket: string }>(yield loginRequest(user));
  yield post('/api/v1/auth/login/second-factor', { ticket, ...proof });
}

interface PasskeyUser {
  readonly credential: TestCredential;
  readonly userHandle: Buffer;
  readonly origin: string;
}

const { up, uv, be, bs } = flagBits;

/** The counter of a passkey that is synced stays 0. */
const authenticator = { flags: up | uv | be | bs, signCount: 0, clientData: {}, extensions: Buffer.alloc(0) };

interface Options {
  readonly publicKey: {
    readonly challenge: string;
    readonly rpId: string;
    readonly rp: { readonly id: string };
    readonly user: { readonly id: string };
  };
  readonly browserToken: string;
}

async function addPasskeyUsers(target: Target, users: readonly BenchUser[]): Promise<PasskeyUser[]> {
  const origin = `http://localhost:${target.port}`;
  const added: PasskeyUser[] = [];
  const registration = function* (token: string): Conversation {
    const credential = createCredential(-7);
    const asked = yield post('/api/v1/users/me/passkey-options', { kind: 'passkey' }, token);
    const { challenge, rp, user } = dataOf<Options>(asked).publicKey;
    const made = register(credential, { ...authenticator, challenge, origin, rpId: rp.id });
    yield post('/api/v1/users/me/passkeys', { kind: 'passkey', credential: made }, token);
    added.push({ credential, origin, userHandle: Buffer.from(user.id, 'base64url') });
  };
  const sessions = await addTokenSessions(target, users, users.length);
  await last(target.port, sessions, ({ accessToken }) => registration(accessToken));
  return added;
}

function* logInByPasskey({ credential, userHandle, origin }: PasskeyUser): Conversation {
  const asked = yield post('/api/v1/auth/login/passkey/options', {});
  const { publicKey, browserToken } = dataOf<Options>(asked);
  const { challenge, rpId } = publicKey;
  const signed = authenticate(credential, { ...authenticator, challenge, origin, rpId }, userHandle);
  yield post('/api/v1/auth/login/passkey', { credential: signed, browserToken });
}

function post(path: string, body: object, token?: string): Buffer {
  return requestBytes('POST', path, token === undefined ? { body } : { body, token });
}
