import { beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { tokenLifetimeSeconds } from '#domain/one-time-tokens/index.ts';
import { present } from '#kernel/assert.ts';
import { clientInfoOf } from '#kernel/requester.ts';
import { statement } from '#platform/database/index.ts';
import { describeOnBothDatabases } from '#test/support/databases.ts';
import { addSession, addUser, type TestUser } from '#test/support/domain-fixture.ts';
import {
  addAuthenticator,
  addPasswordUser,
  countFailures,
  eventsOf,
  failuresOf,
  type GateFixture,
  mailsOf,
  openGateFixture,
  requester,
  sessionsOf,
} from '#test/support/gate-fixture.ts';
import { bindingToSession, compareMailboxCode, type MailboxCodes, sendMailboxCode } from './mailbox-code.ts';
import { stepUp } from './step-up.ts';

type RequestedMail = Parameters<MailboxCodes['limits']['takeMail']>[0];

const newest = statement('mailbox_code_test.newest', {
  lane: 'pool',
  sql: `select id, key_id from one_time_tokens where user_id = :userId and purpose = 'mailbox_code'
    order by created_at desc, id desc limit 1`,
  params: { userId: 'uuid' },
  columns: { id: 'uuid', keyId: 'uuid' },
});

const unverify = statement('mailbox_code_test.unverify', {
  lane: 'pool',
  sql: `update identifiers set verified_at = null where user_id = :userId`,
  params: { userId: 'uuid' },
  columns: {},
});

describeOnBothDatabases('a code that proves the mailbox', (database) => {
  let fixture: GateFixture;
  let codes: MailboxCodes;
  let mayBeSent: boolean;
  let requested: RequestedMail[];
  let user: TestUser;
  let sessionId: string;
  let binding: Buffer;

  beforeAll(async () => {
    fixture = await openGateFixture(database());
    const takeMail = async (mail: RequestedMail) => {
      requested.push(mail);
      return mayBeSent;
    };
    codes = { ...fixture, ...fixture.gate, limits: { takeMail } };
  });

  beforeEach(async () => {
    mayBeSent = true;
    requested = [];
    user = await addUser(fixture);
    ({ sessionId } = await addSession(fixture, user, 'token'));
    binding = bindingToSession(sessionId);
  });

  const now = () => fixture.clock.now();
  const send = (of = user, authEpoch = 1) =>
    sendMailboxCode(codes, { userId: of.id, authEpoch, binding, refusal: 'not_authenticated' }, requester);
  const compare = (code: string, bound = binding, of = user) =>
    compareMailboxCode(codes, { userId: of.id, binding: bound }, code);
  const prove = async (code: string) => present(await compare(code), 'the proof');
  const renew = async (code: string) =>
    stepUp(fixture.gate, { userId: user.id, sessionId }, await prove(code), requester);
  const failures = () => failuresOf(fixture, user, 'mailbox_code');

  async function newestCode(): Promise<string> {
    const { id, keyId } = present(await database().row(newest, { userId: user.id }), 'the token');
    return fixture.tokens.secret(id, 'mailbox_code', keyId);
  }

  async function sentCode(): Promise<string> {
    await send();
    return newestCode();
  }

  /** Another code of six digits. */
  const wrong = (code: string) => String((Number(code) + 1) % 1_000_000).padStart(6, '0');

  it('is mailed to the verified address, and its request recorded', async () => {
    await send();
    const mail = { template: 'mailbox_code', locale: 'en', identifierId: user.identifierId, params: {} };
    expect(await mailsOf(fixture, user)).toEqual([mail]);
    expect(requested).toEqual([{ kind: 'mailbox_code', recipient: user.email, fromKnownDevice: true }]);
    expect(await eventsOf(fixture, user)).toMatchObject([
      {
        action: 'mailbox_code.requested',
        actor: { kind: 'user', id: user.id },
        personal: clientInfoOf(requester),
      },
    ]);
  });

  it('renews the session that requested it, as one factor, and resets its counter', async () => {
    const code = await sentCode();
    fixture.time.advance(60_000);
    const issued = await renew(code);
    expect((await sessionsOf(fixture, user)).at(-1)).toMatchObject({
      id: issued.sessionId,
      acr: '1',
      amr: ['pwd', 'otp'],
      factorTimes: { email: now().toISOString() },
    });
    expect(await failures()).toBe(0);
  });

  it('works once of twenty times at once', async () => {
    const proof = await prove(await sentCode());
    const acting = { userId: user.id, sessionId };
    const all = Array.from({ length: 20 }, () => stepUp(fixture.gate, acting, proof, requester));
    const results = await Promise.allSettled(all);
    expect(results.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
  });

  it('is not enough for a user with a password or a second factor', async () => {
    user = await addPasswordUser(fixture);
    ({ sessionId } = await addSession(fixture, user, 'token'));
    binding = bindingToSession(sessionId);
    const code = await sentCode();
    await expect(renew(code)).rejects.toMatchObject({ code: 'login_incomplete' });
    await addAuthenticator(fixture, user);
    await expect(renew(code)).rejects.toMatchObject({ code: 'login_incomplete' });
  });

  it('belongs to one session and one user', async () => {
    const code = await sentCode();
    const { sessionId: other } = await addSession(fixture, user, 'token');
    expect(bindingToSession(other)).not.toEqual(binding);
    expect(await compare(code, bindingToSession(other))).toBeUndefined();
    expect(await compare(code, binding, await addUser(fixture))).toBeUndefined();
    expect(await compare(code)).toBeDefined();
  });

  it('allows five tries, each counted before it is compared', async () => {
    const code = await sentCode();
    for (let count = 1; count <= 5; count += 1) {
      expect(await compare(wrong(code))).toBeUndefined();
      expect(await failures()).toBe(count);
      // Five failures in a row delay the next attempt.
      fixture.time.advance(20_000);
    }
    expect(await compare(code)).toBeUndefined();
  });

  it('is right at the fifth try too', async () => {
    const code = await sentCode();
    for (let count = 0; count < 4; count += 1) expect(await compare(wrong(code))).toBeUndefined();
    expect(await compare(code)).toMatchObject({ by: 'mailbox_code', userId: user.id, binding });
  });

  it('is not compared after too many failures of the user, over all codes', async () => {
    const code = await sentCode();
    await countFailures(fixture, user, 'mailbox_code', 100);
    await expect(compare(code)).rejects.toMatchObject({ code: 'too_many_requests' });
    expect(await failures()).toBe(100);
  });

  it('expires, and is replaced by the next one of its session', async () => {
    const first = await sentCode();
    fixture.time.advance(1000);
    const second = await sentCode();
    if (first !== second) expect(await compare(first)).toBeUndefined();
    expect(await compare(second)).toBeDefined();
    fixture.time.advance(tokenLifetimeSeconds.mailbox_code * 1000);
    expect(await compare(second)).toBeUndefined();
  });

  it('is none where none was requested', async () => {
    expect(await compare('123456')).toBeUndefined();
    expect(await failures()).toBe(1);
  });

  describe('is not sent', () => {
    const expectNothingSent = async () => {
      expect(await database().row(newest, { userId: user.id })).toBeUndefined();
      expect([await mailsOf(fixture, user), await eventsOf(fixture, user)]).toEqual([[], []]);
    };

    it('for a session of an earlier epoch', async () => {
      await expect(send(user, 2)).rejects.toMatchObject({ code: 'not_authenticated' });
      await database().transaction((tx) => fixture.users.raiseEpoch(tx, user.id));
      await expect(send()).rejects.toMatchObject({ code: 'not_authenticated' });
      await expectNothingSent();
    });

    it('to an address that is not verified', async () => {
      await database().run(unverify, { userId: user.id });
      await expect(send()).rejects.toMatchObject({ code: 'not_authenticated' });
      await expectNothingSent();
    });

    it('to a disabled user, who cannot use an earlier one either', async () => {
      const code = await sentCode();
      await database().transaction((tx) => fixture.users.changeStatus(tx, user.id, 'disabled'));
      await expect(send()).rejects.toMatchObject({ code: 'not_authenticated' });
      await expect(send(user, 2)).rejects.toMatchObject({ code: 'not_authenticated' });
      await expect(compare(code)).rejects.toMatchObject({ code: 'too_many_requests' });
      expect(await failures()).toBe(0);
    });

    it('after too many mails, and the last one that was sent still works', async () => {
      const code = await sentCode();
      mayBeSent = false;
      await expect(send()).rejects.toMatchObject({ code: 'too_many_requests', retryAfterSeconds: 900 });
      expect(await newestCode()).toBe(code);
      expect(await mailsOf(fixture, user)).toHaveLength(1);
      expect(await compare(code)).toBeDefined();
    });
  });
});
