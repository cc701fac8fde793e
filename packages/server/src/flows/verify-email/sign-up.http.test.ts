import { beforeAll, describe, expect, it } from 'vitest';
import { FixedClock } from '#kernel/clock.ts';
import { Application, type AppResponse } from '#test/support/application.ts';
import { codeOfSignUp, type SignedUp, signUp, verify } from '#test/support/sign-ups.ts';
import { addVerifiedUser, login, mailedToken, uniqueEmail, validPassword } from '#test/support/user-actions.ts';

let app: Application;

beforeAll(async () => {
  app = await Application.open();
  return () => app.close();
});

const wrongFor = (code: string) => (code === '000000' ? '000001' : '000000');

/** Whether the response is that of a login with a working access token. */
async function isSignedIn({ status, data }: AppResponse): Promise<boolean> {
  const { accessToken } = (data ?? {}) as { readonly accessToken?: string };
  if (status !== 200 || accessToken === undefined) return false;
  return (await app.send('GET', '/api/v1/auth/session', { token: accessToken })).status === 200;
}

describe('the ticket of a registration', () => {
  it('signs in together with the link of its mail', async () => {
    const { email, ticket } = await signUp(app);
    const response = await verify(app, { token: await mailedToken(app, email), ticket });
    expect(response.data).toMatchObject({ status: 'verified' });
    expect(await isSignedIn(response)).toBe(true);
  });

  it('signs in together with the code of its mail', async () => {
    const signedUp = await signUp(app);
    const response = await verify(app, { ticket: signedUp.ticket, code: await codeOfSignUp(app, signedUp.email) });
    expect(await isSignedIn(response)).toBe(true);
  });

  it('signs in alone once the link was opened elsewhere, and not before', async () => {
    const { email, ticket } = await signUp(app);
    expect((await verify(app, { ticket })).code).toBe('email_not_verified');
    const elsewhere = await verify(app, { token: await mailedToken(app, email) });
    expect(elsewhere.data).toEqual({ status: 'verified' });
    expect(await isSignedIn(await verify(app, { ticket }))).toBe(true);
  });

  it('goes on with a link that was used before, and gives no second session', async () => {
    const { email, ticket } = await signUp(app);
    const token = await mailedToken(app, email);
    // As when the process ends between the verification and the login.
    await verify(app, { token });
    expect(await isSignedIn(await verify(app, { token, ticket }))).toBe(true);
    const again = await verify(app, { token, ticket });
    expect([again.status, again.data]).toEqual([200, { status: 'verified' }]);
    expect((await verify(app, { token })).code).toBe('invalid_token');
    const other = await signUp(app);
    expect((await verify(app, { token, ticket: other.ticket })).code).toBe('invalid_token');
  });

  it('works once', async () => {
    const { email, ticket } = await signUp(app);
    await verify(app, { token: await mailedToken(app, email), ticket });
    expect((await verify(app, { ticket })).code).toBe('invalid_ticket');
  });

  it('proves the password, and the mailbox only to the client that used the mail', async () => {
    const amrOf = async (response: AppResponse) => {
      const { accessToken = '' } = response.data as { readonly accessToken?: string };
      return (await app.send<{ amr: string[] }>('GET', '/api/v1/auth/session', { token: accessToken })).data.amr;
    };
    const [here, elsewhere] = [await signUp(app), await signUp(app)];
    const token = await mailedToken(app, here.email);
    expect(await amrOf(await verify(app, { token, ticket: here.ticket }))).toEqual(['pwd', 'otp']);
    await verify(app, { token: await mailedToken(app, elsewhere.email) });
    expect(await amrOf(await verify(app, { ticket: elsewhere.ticket }))).toEqual(['pwd']);
  });

  it('is of nobody for a taken address, and says so to nobody', async () => {
    const email = await addVerifiedUser(app);
    const { ticket } = await signUp(app, email);
    const fresh = await signUp(app);
    for (const body of [{}, { code: '123456' }]) {
      const [taken, free] = [
        await verify(app, { ticket, ...body }),
        await verify(app, { ticket: fresh.ticket, ...body }),
      ];
      expect([taken.status, taken.code]).toEqual([free.status, free.code]);
    }
    expect((await verify(app, { ticket })).code).toBe('email_not_verified');
  });

  it('does not count for a password that was chosen on a contested link', async () => {
    const email = uniqueEmail();
    const [first, second] = [await signUp(app, email), await signUp(app, email)];
    await app.send('POST', '/api/v1/auth/resend-verification', { json: { email } });
    const token = await mailedToken(app, email, 3);
    const password = 'chosen after the mail';
    const response = await verify(app, { token, password, ticket: second.ticket });
    expect([response.status, response.data]).toEqual([200, { status: 'verified' }]);
    for (const { ticket } of [first, second]) expect((await verify(app, { ticket })).code).toBe('email_not_verified');
    expect((await login(app, email, { password })).status).toBe(200);
  });

  it.each([
    ['attacker first, by link', 0, 'token'],
    ['owner first, by link', 1, 'token'],
    ['attacker first, by code', 0, 'code'],
    ['owner first, by code', 1, 'code'],
  ] as const)('never opens another registration of its address: %s', async (_, attackerAt, by) => {
    const email = uniqueEmail();
    const both = [await signUp(app, email), await signUp(app, email)] as const;
    const [attacker, owner] = attackerAt === 0 ? both : ([both[1], both[0]] as const);
    const at = 2 - attackerAt;
    // Neither the link nor the code of the owner's mail works with the attacker's ticket.
    const [token, code] = [await mailedToken(app, email, at), await codeOfSignUp(app, email, at)];
    expect((await verify(app, { ticket: attacker.ticket, code })).code).toBe('invalid_code');
    const response = await verify(
      app,
      by === 'token' ? { token, ticket: owner.ticket } : { code, ticket: owner.ticket },
    );
    expect(await isSignedIn(response)).toBe(true);
    expect((await verify(app, { ticket: attacker.ticket })).code).toBe('email_not_verified');
    expect((await verify(app, { ticket: attacker.ticket, code })).code).toBe('invalid_code');
    expect((await login(app, email)).status).toBe(200);
  });

  it('does not sign in with the link of another registration, which verifies nevertheless', async () => {
    const email = uniqueEmail();
    const attacker = await signUp(app, email);
    await signUp(app, email);
    const response = await verify(app, { token: await mailedToken(app, email, 2), ticket: attacker.ticket });
    expect([response.status, response.data]).toEqual([200, { status: 'verified' }]);
  });

  it('ends with the next change of the user', async () => {
    const { email, ticket } = await signUp(app);
    await verify(app, { token: await mailedToken(app, email) });
    const { data } = await login(app, email);
    const json = { currentPassword: validPassword, newPassword: 'another long passphrase' };
    const changed = await app.send('POST', '/api/v1/users/me/password', { json, token: data.accessToken });
    expect(changed.status).toBe(200);
    expect((await verify(app, { ticket })).code).toBe('invalid_ticket');
  });

  it('is rejected at the endpoints of other steps before the registration is confirmed', async () => {
    const { ticket } = await signUp(app);
    const json = { ticket };
    for (const path of ['login/confirm-mailbox', 'cancel-deletion']) {
      expect((await app.send('POST', `/api/v1/auth/${path}`, { json })).code).toBe('invalid_ticket');
    }
  });
});

describe('the code of a registration', () => {
  it('is refused after five wrong ones, while the link still works', async () => {
    const { email, ticket } = await signUp(app);
    const code = await codeOfSignUp(app, email);
    for (let index = 0; index < 5; index += 1) {
      expect((await verify(app, { ticket, code: wrongFor(code) })).code).toBe('invalid_code');
    }
    expect((await verify(app, { ticket, code })).code).toBe('invalid_code');
    expect(await isSignedIn(await verify(app, { ticket, token: await mailedToken(app, email) }))).toBe(true);
  });

  it('is the one of the newest mail of its registration, with five tries again', async () => {
    const { email, ticket } = await signUp(app);
    const first = await codeOfSignUp(app, email);
    await app.send('POST', '/api/v1/auth/resend-verification', { json: { email } });
    const second = await codeOfSignUp(app, email, 2);
    if (first !== second) expect((await verify(app, { ticket, code: first })).code).toBe('invalid_code');
    expect(await isSignedIn(await verify(app, { ticket, code: second }))).toBe(true);
  });

  it('is not in a mail that may be of any of several registrations', async () => {
    const email = uniqueEmail();
    await signUp(app, email);
    await signUp(app, email);
    await app.send('POST', '/api/v1/auth/resend-verification', { json: { email } });
    await mailedToken(app, email, 3);
    await expect(codeOfSignUp(app, email, 3)).rejects.toThrow('no code');
  });
});

describe('with a clock that is moved', () => {
  let frozen: Application;
  const clock = new FixedClock(new Date('2030-05-05T05:05:05.005Z'));

  beforeAll(async () => {
    frozen = await Application.open({ time: clock });
    return () => frozen.close();
  });

  async function afterSeconds(seconds: number, { email, ticket }: SignedUp) {
    const token = await mailedToken(frozen, email);
    frozen.clock.advance(seconds * 1000);
    return verify(frozen, { token, ticket });
  }

  it('200 signs in until an hour has passed, then verifies alone', async () => {
    const early = await afterSeconds(3599, await signUp(frozen));
    expect(early.data).toHaveProperty('accessToken');
    const late = await afterSeconds(3600, await signUp(frozen));
    expect(late.data).toEqual({ status: 'verified' });
  });
});
