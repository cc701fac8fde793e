/** The second half of a login by two factors, in milliseconds of one request at a time. */
import { systemClock } from '../../packages/server/src/kernel/clock.ts';
import { codeNow } from '../../packages/server/test/support/second-factors.ts';
import type { Lab } from '../support/lab.ts';
import { type LoadResponse, load } from '../support/load.ts';
import { dataOf, requestBytes } from '../support/requests.ts';
import type { Measurement, Row } from '../support/row.ts';
import { addTokenSessions, addUsers, type BenchUser, loginRequest } from '../support/users.ts';
import { median } from '../support/windows.ts';

/** Each uses one code: the next one is half a minute away. */
const userCount = 60;
/** Logins by recovery code before the measurement: they take the same way. */
const warmUps = 3;

export const secondFactorRow: Row = {
  name: 'second-factor',
  operation: 'second half of a login by code',
  unit: 'ms',
  better: 'smaller',
  floor: 5,
  aim: 3,
  measure,
};

interface TwoFactorUser {
  readonly user: BenchUser;
  readonly secret: string;
  readonly recoveryCodes: readonly string[];
}

async function measure(lab: Lab): Promise<Measurement> {
  const { port, opsPort } = await lab.system();
  // Users of their own: those of the lab log in by password alone.
  const users = await enroll({ port, opsPort }, await addUsers({ port, opsPort }, userCount));
  for (let round = 0; round < warmUps; round += 1) {
    await prove(port, users, ({ recoveryCodes }) => ({ recoveryCode: recoveryCodes[round] }));
  }
  const milliseconds = await prove(port, users, ({ secret }) => ({ code: codeNow({ clock: systemClock }, secret, 1) }));
  return { latchkey: `${milliseconds.length} logins`, reference: '', value: median(milliseconds) };
}

async function enroll(
  target: { port: number; opsPort: number },
  users: readonly BenchUser[],
): Promise<TwoFactorUser[]> {
  const enrolled: TwoFactorUser[] = [];
  for (const user of users) {
    const [{ accessToken: token } = { accessToken: '' }] = await addTokenSessions(target, [user], 1);
    const { secret } = await send<{ secret: string }>(target.port, '/api/v1/users/me/totp', { token, body: {} });
    const body = { code: codeNow({ clock: systemClock }, secret) };
    const path = '/api/v1/users/me/totp/confirm';
    const { recoveryCodes } = await send<{ recoveryCodes: string[] }>(target.port, path, { token, body });
    enrolled.push({ user, secret, recoveryCodes });
  }
  return enrolled;
}

/** Logs each user in, on one connection; returns the times of the second requests. */
async function prove(
  port: number,
  users: readonly TwoFactorUser[],
  proof: (user: TwoFactorUser) => object,
): Promise<number[]> {
  const milliseconds: number[] = [];
  const remaining = [...users];
  let second: Buffer | undefined;
  let isSecond = false;
  const next = () => {
    isSecond = second !== undefined;
    const user = remaining.at(-1);
    return second ?? (user === undefined ? undefined : loginRequest(user.user));
  };
  const onResponse = (_: number, response: LoadResponse) => {
    if (isSecond) milliseconds.push(response.milliseconds);
    const user = isSecond ? undefined : remaining.pop();
    second = user && secondRequest(response, proof(user));
  };
  await load({ next, onResponse }, { port, connections: 1 });
  return milliseconds;
}

function secondRequest(login: LoadResponse, proof: object): Buffer {
  const { ticket } = dataOf<{ ticket: string }>(login);
  return requestBytes('POST', '/api/v1/auth/login/second-factor', { body: { ticket, ...proof } });
}

async function send<T>(port: number, path: string, options: { token: string; body: object }): Promise<T> {
  const requests = [requestBytes('POST', path, options)];
  const responses: LoadResponse[] = [];
  const onResponse = (_: number, response: LoadResponse) => responses.push(response);
  await load({ next: () => requests.pop(), onResponse }, { port, connections: 1 });
  const [response] = responses;
  if (response === undefined) throw new Error('no response');
  return dataOf<T>(response);
}
