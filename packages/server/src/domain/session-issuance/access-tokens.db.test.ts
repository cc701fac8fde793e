import { beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { Clients } from '#domain/clients/index.ts';
import { Revocations } from '#domain/revocations/index.ts';
import { endSession, LastSeen, SessionCheck } from '#domain/sessions/index.ts';
import { SigningKeys } from '#domain/signing-keys/index.ts';
import { addSeconds } from '#kernel/clock.ts';
import { statement } from '#platform/database/index.ts';
import { generateSigningKeyPair, signJwt } from '#protocol/jose/index.ts';
import { countRoundTrips, describeOnBothDatabases } from '#test/support/databases.ts';
import {
  addSession,
  addUser,
  type DomainFixture,
  openDomainFixture,
  type TestUser,
} from '#test/support/domain-fixture.ts';
import { AccessTokens } from './access-tokens.ts';

const issuer = 'https://login.example';
const audience = 'https://api.example';
const lifetimeSeconds = 900;

const setIdle = statement('access_tokens_test.set_idle', {
  lane: 'pool',
  sql: `update clients set session_idle_seconds = :seconds where id = 'default'`,
  params: { seconds: 'int4' },
  columns: {},
});

describeOnBothDatabases('access tokens', (database) => {
  let fixture: DomainFixture;
  let signingKeys: SigningKeys;
  let clients: Clients;
  let tokens: AccessTokens;
  let user: TestUser;
  let sessionId: string;

  beforeAll(async () => {
    fixture = await openDomainFixture(database());
    signingKeys = await new SigningKeys({ ...fixture, algorithm: 'ES256' }).open();
    clients = await clientsFor(audience);
    tokens = makeTokens({});
  });

  beforeEach(async () => {
    user = await addUser(fixture);
    ({ sessionId } = await addSession(fixture, user, 'token'));
  });

  function makeTokens(over: { issuer?: string; clients?: Clients }): AccessTokens {
    return new AccessTokens({ ...fixture, signingKeys, issuer, clients, ...over });
  }

  /** Clients whose tokens have this audience, because they configure none. */
  async function clientsFor(fallback: string): Promise<Clients> {
    const loaded = new Clients({ ...fixture, issuer: fallback });
    await loaded.load();
    return loaded;
  }

  const subject = () => ({
    sessionId,
    subject: user.id,
    clientId: 'default',
    acr: '1',
    amr: ['pwd'],
    authTime: fixture.clock.now(),
    sessionExpiresAt: addSeconds(fixture.clock.now(), 86_400),
  });
  const seconds = () => Math.floor(fixture.clock.now().getTime() / 1000);
  const claims = () => ({
    iss: issuer,
    aud: audience,
    sub: user.id,
    client_id: 'default',
    iat: seconds(),
    exp: seconds() + lifetimeSeconds,
    sid: sessionId,
  });
  const sign = (over: object, typ = 'at+jwt') =>
    signJwt({ key: signingKeys.current(), typ, claims: { ...claims(), ...over } });

  describe('a token', () => {
    it('carries what the session check needs', async () => {
      const { text, expiresAt, expiresInSeconds } = await tokens.mint(subject());
      expect(expiresInSeconds).toBe(lifetimeSeconds);
      expect(await tokens.verify(text)).toEqual({
        sessionId,
        subject: user.id,
        clientId: 'default',
        expiresAt,
        kid: signingKeys.current().kid,
      });
    });

    it('expires with its session at the latest', async () => {
      for (const [leftSeconds, expected] of [
        [60, 60],
        [1.999, 1],
        [0.999, 0],
      ] as const) {
        const sessionExpiresAt = addSeconds(new Date(seconds() * 1000), leftSeconds);
        const { expiresAt, expiresInSeconds } = await tokens.mint({ ...subject(), sessionExpiresAt });
        expect(expiresInSeconds).toBe(expected);
        expect(expiresAt.getTime()).toBeLessThanOrEqual(sessionExpiresAt.getTime());
      }
    });

    it('expires when its session becomes idle at the latest', async () => {
      await database().run(setIdle, { seconds: 60 });
      const impatient = makeTokens({ clients: await clientsFor(audience) });
      await database().run(setIdle, { seconds: fixture.client.sessionIdleSeconds });
      expect((await impatient.mint(subject())).expiresInSeconds).toBe(60);
    });

    it('has the claims of RFC 9068 and no personal data', async () => {
      const payload = (await tokens.mint(subject())).text.split('.')[1] ?? '';
      expect(Object.keys(JSON.parse(Buffer.from(payload, 'base64url').toString()))).toEqual(
        expect.arrayContaining([
          'iss',
          'sub',
          'aud',
          'client_id',
          'iat',
          'exp',
          'jti',
          'sid',
          'auth_time',
          'acr',
          'amr',
        ]),
      );
      expect(Buffer.from(payload, 'base64url').toString()).not.toContain(user.email);
    });

    it.each<[string, () => string | Promise<string>]>([
      ['another issuer', async () => (await makeTokens({ issuer: 'https://other.example' }).mint(subject())).text],
      [
        'another audience',
        async () => (await makeTokens({ clients: await clientsFor('https://other.example') }).mint(subject())).text,
      ],
      ['a list of audiences that contains the right one', () => sign({ aud: [audience, 'https://other.example'] })],
      ['another type', () => sign({}, 'JWT')],
      ['a session id that is none', () => sign({ sid: 'x' })],
      ['no session id', () => sign({ sid: undefined })],
      ['no client', () => sign({ client_id: undefined })],
      ['an unknown client', () => sign({ client_id: 'other' })],
      [
        'an unknown key',
        async () => {
          const key = await generateSigningKeyPair('ES256');
          return signJwt({ key, typ: 'at+jwt', claims: claims() });
        },
      ],
      [
        'the key id of the active key and the signature of another',
        async () => {
          const { privateKey } = await generateSigningKeyPair('ES256');
          return signJwt({ key: { ...signingKeys.current(), privateKey }, typ: 'at+jwt', claims: claims() });
        },
      ],
      [
        'a changed payload',
        async () => {
          const [head, , signature] = (await tokens.mint(subject())).text.split('.');
          return [head, Buffer.from(JSON.stringify(claims())).toString('base64url'), signature].join('.');
        },
      ],
      ['nothing', () => ''],
    ])('is rejected with %s', async (_, forge) => {
      expect(await tokens.verify(await forge())).toBeTypeOf('string');
    });

    it('expires exactly at its exp', async () => {
      const { text, expiresAt } = await tokens.mint(subject());
      const lastsMs = expiresAt.getTime() - fixture.clock.now().getTime();
      fixture.time.advance(lastsMs - 1);
      expect(await tokens.verify(text)).toBeTypeOf('object');
      fixture.time.advance(1);
      expect(await tokens.verify(text)).toBe('expired');
    });

    it('is accepted from a node whose clock is ahead by up to 5 s', async () => {
      expect(await tokens.verify(sign({ iat: seconds() + 5 }))).toBeTypeOf('object');
      expect(await tokens.verify(sign({ iat: seconds() + 7 }))).toBe('not_yet_valid');
    });
  });

  describe('at the session check', () => {
    let revocations: Revocations;
    let check: SessionCheck;
    let verified: number;

    beforeEach(async () => {
      const onError = () => undefined;
      verified = 0;
      revocations = new Revocations({ ...fixture, onError });
      const lastSeen = new LastSeen({ ...fixture, onError });
      const verifyToken = (text: string): ReturnType<typeof tokens.verify> => {
        verified += 1;
        return tokens.verify(text);
      };
      check = new SessionCheck({ ...fixture, revocations, lastSeen, verifyToken });
      await revocations.read();
    });

    const present = async (text: string) => {
      const checked = await check.check({ transport: 'token', text });
      return typeof checked === 'object' ? checked : undefined;
    };

    function end() {
      const now = fixture.clock.now();
      const request = {
        userId: user.id,
        reason: 'logout',
        now,
      } as const;
      const event = fixture.audit.values({
        action: 'session.logged_out',
        at: now,
        actor: { kind: 'user', id: user.id },
      });
      return endSession(database(), sessionId, request, event);
    }

    it('is verified once, costs one round trip when cold and none when warm', async () => {
      const { text } = await tokens.mint(subject());
      expect(await countRoundTrips(database(), () => present(text))).toEqual(['sessions.find_live']);
      expect(await countRoundTrips(database(), () => present(text))).toEqual([]);
      expect(verified).toBe(1);
    });

    it('is not verified again when only the cached session is too old', async () => {
      const { text } = await tokens.mint(subject());
      await present(text);
      fixture.time.advance(1000);
      expect(await countRoundTrips(database(), () => present(text))).toEqual(['sessions.find_live']);
      expect(verified).toBe(1);
    });

    it('is verified again after the wall clock went back', async () => {
      const { text } = await tokens.mint(subject());
      await present(text);
      fixture.clock.advance(-1000);
      await present(text);
      fixture.clock.advance(1000);
      expect(verified).toBe(2);
    });

    it('expires before its session does', async () => {
      const { text, expiresAt } = await tokens.mint(subject());
      expect(await present(text)).toMatchObject({ transport: 'token', expiresAt });
      fixture.time.advance((lifetimeSeconds + 6) * 1000);
      await revocations.read();
      expect(await present(text)).toBeUndefined();
    });

    it('is revoked with its session, before it expires', async () => {
      const { text } = await tokens.mint(subject());
      await present(text);
      await end();
      await revocations.read();
      expect(await present(text)).toBeUndefined();
    });

    it.each([
      ['user', { sub: '00000000-0000-7000-8000-000000000000' }],
      ['client', { client_id: 'another' }],
    ])('is rejected when its session belongs to another %s', async (_, over) => {
      expect(await present(sign(over))).toBeUndefined();
    });

    it('is rejected as a cookie, also when it is cached', async () => {
      const { text } = await tokens.mint(subject());
      await present(text);
      expect(await check.check({ transport: 'cookie', text })).toBe('revoked');
    });

    it('makes no round trip for a forged token', async () => {
      expect(await countRoundTrips(database(), () => present(sign({}, 'JWT')))).toEqual([]);
    });

    // Last, because the key remains revoked.
    it('is revoked with its signing key, and its session is not', async () => {
      const { text } = await tokens.mint(subject());
      const { cookie } = await addSession(fixture, user, 'cookie');
      await present(text);
      const otherNode = await new SigningKeys({ ...fixture, algorithm: 'ES256' }).open();
      await otherNode.revoke({ kid: signingKeys.current().kid });
      await revocations.read();
      expect(await present(text)).toBeUndefined();
      expect(await check.check({ transport: 'cookie', text: cookie })).toBeDefined();
    });
  });
});
