import { createSecretKey, randomBytes } from 'node:crypto';
import { beforeEach, describe, expect, it } from 'vitest';
import { maxAccessTokenLifetimeSeconds } from '#domain/clients/index.ts';
import { Revocations } from '#domain/revocations/index.ts';
import { AssertionFailed } from '#kernel/assert.ts';
import { FixedClock } from '#kernel/clock.ts';
import { idMaker } from '#kernel/ids.ts';
import { type Database, statement } from '#platform/database/index.ts';
import { type KeyRing, localKek, openKeys } from '#platform/keys/index.ts';
import { type JwtVerification, signJwt, verifyJwt } from '#protocol/jose/index.ts';
import { describeOnBothDatabases } from '#test/support/databases.ts';
import { jwksCacheSeconds, type Reload, refreshSeconds, SigningKeys, type SigningKeysDeps } from './index.ts';

const clear = statement('test_signing_keys.clear', {
  lane: 'pool',
  sql: 'delete from signing_keys',
  params: {},
  columns: {},
});

const countPrivateKeys = statement('test_signing_keys.count_private', {
  lane: 'pool',
  sql: `select state, count(sealed_private_key)::int as with_private_key from signing_keys group by state order by state`,
  params: {},
  columns: { state: 'text', withPrivateKey: 'int4' },
});

const swapPrivateKeys = statement('test_signing_keys.swap_private', {
  lane: 'pool',
  sql: `update signing_keys k set sealed_private_key = o.sealed_private_key from signing_keys o where o.kid <> k.kid`,
  params: {},
  columns: {},
});

const kek = localKek(createSecretKey(randomBytes(32)));
const publishingSeconds = jwksCacheSeconds + refreshSeconds;
const longestTokenSeconds = maxAccessTokenLifetimeSeconds;

describeOnBothDatabases('signing keys', (database: () => Database) => {
  let clock = new FixedClock(new Date('2026-01-15T12:00:00Z'));
  let keys: KeyRing;
  let reloads: Reload[] = [];

  function openNode(overrides: Partial<SigningKeysDeps> = {}): Promise<SigningKeys> {
    const onReload = (reload: Reload) => reloads.push(reload);
    return new SigningKeys({ database: database(), keys, clock, algorithm: 'ES256', onReload, ...overrides }).open();
  }

  function mint(node: SigningKeys): string {
    const iat = Math.floor(clock.now().getTime() / 1000);
    const claims = { iss: 'i', aud: 'a', iat, exp: iat + longestTokenSeconds };
    return signJwt({ key: node.current(), typ: 'at+jwt', claims });
  }

  async function verify(node: SigningKeys, token: string): Promise<JwtVerification['kind']> {
    const answer = await verifyJwt(token, {
      keys: (kid) => node.verifyKey(kid),
      alg: ['ES256', 'EdDSA', 'RS256'],
      typ: 'at+jwt',
      issuer: 'i',
      audience: 'a',
      now: clock.now(),
      clockToleranceSeconds: 60,
    });
    return answer.kind;
  }

  function publishedKids(node: SigningKeys): readonly string[] {
    return node.jwks().keys.map(({ kid }) => kid);
  }

  beforeEach(async () => {
    clock = new FixedClock(new Date('2026-01-15T12:00:00Z'));
    reloads = [];
    await database().run(clear, {});
    keys = await openKeys({ database: database(), kek, clock, makeId: idMaker(clock) });
  });

  it('are one active and one next key, the same on nodes that start concurrently on an empty database', async () => {
    const nodes = await Promise.all(Array.from({ length: 8 }, () => openNode()));
    const [first] = nodes;
    expect((await first!.list()).map(({ state }) => state).toSorted()).toEqual(['active', 'next']);
    await Promise.all(nodes.map((node) => node.refresh()));
    expect(new Set(nodes.map((node) => node.current().kid)).size).toBe(1);
    for (const node of nodes) {
      expect(publishedKids(node).toSorted()).toEqual(publishedKids(first!).toSorted());
      expect(await verify(first!, mint(node))).toBe('ok');
    }
  });

  it('are the same after a restart', async () => {
    const token = mint(await openNode());
    expect(await verify(await openNode(), token)).toBe('ok');
  });

  it('are published without their private half', async () => {
    const node = await openNode();
    for (const jwk of node.jwks().keys) {
      expect(Object.keys(jwk).toSorted()).toEqual(['alg', 'crv', 'kid', 'kty', 'use', 'x', 'y']);
    }
    for (const key of node.publicKeys()) expect(Object.keys(key).toSorted()).toEqual(['alg', 'kid', 'publicKey']);
  });

  it('do not rotate to a key that caches may not have yet, unless forced', async () => {
    const node = await openNode();
    const active = node.current().kid;
    const next = publishedKids(node).find((kid) => kid !== active);
    clock.advance((publishingSeconds - 1) * 1000);
    expect(await node.rotate()).toEqual({
      kind: 'too_early',
      kid: next,
      possibleAt: new Date(clock.now().getTime() + 1000),
    });
    expect(node.current().kid).toBe(active);
    expect(await node.rotate({ immediately: true })).toMatchObject({ kind: 'rotated', kid: next });
    expect(node.current().kid).toBe(next);
  });

  it('overlap: a token signed before a rotation verifies until its expiry, on every node, and no longer', async () => {
    const [one, two] = [await openNode(), await openNode()];
    clock.advance(publishingSeconds * 1000);
    const retired = one.current().kid;
    const rotation = await one.rotate();
    expect(rotation).toMatchObject({ kind: 'rotated', retiredKid: retired, kid: one.current().kid });
    expect(await verify(two, mint(one))).toBe('ok');

    // The other node signs with the retired key until its next refresh.
    clock.advance(refreshSeconds * 1000);
    const late = mint(two);
    await two.refresh();
    expect(two.current().kid).toBe(one.current().kid);

    clock.advance(longestTokenSeconds * 1000);
    expect(await verify(one, late)).toBe('ok');
    expect(await verify(await openNode(), late)).toBe('ok');
    clock.advance(61_000);
    expect(publishedKids(one)).not.toContain(retired);
    expect(await one.verifyKey(retired)).toBeUndefined();
  });

  it('lose their private half on retirement, and a new next key is published at once', async () => {
    const node = await openNode();
    await node.rotate({ immediately: true });
    expect(await database().rows(countPrivateKeys, {})).toEqual([
      { state: 'active', withPrivateKey: 1 },
      { state: 'next', withPrivateKey: 1 },
      { state: 'retired', withPrivateKey: 0 },
    ]);
    expect(publishedKids(node)).toHaveLength(3);
  });

  it('rotate once when many nodes rotate concurrently', async () => {
    const nodes = await Promise.all(Array.from({ length: 6 }, () => openNode()));
    clock.advance(publishingSeconds * 1000);
    const rotations = await Promise.all(nodes.map((node) => node.rotate()));
    expect(rotations.filter(({ kind }) => kind === 'rotated')).toHaveLength(1);
    await Promise.all(nodes.map((node) => node.refresh()));
    expect(new Set(nodes.map((node) => node.current().kid)).size).toBe(1);
    const states = (await nodes[0]!.list()).map(({ state }) => state);
    expect(states.toSorted()).toEqual(['active', 'next', 'retired']);
  });

  it('that another node activated early verify the first token that names them, also after several rotations', async () => {
    const [one, two] = [await openNode(), await openNode()];
    await one.rotate({ immediately: true });
    for (let rotation = 0; rotation < 4; rotation += 1) {
      await one.rotate({ immediately: true });
      const token = mint(one);
      const verified = await Promise.all(Array.from({ length: 20 }, () => verify(two, token)));
      expect(new Set(verified)).toEqual(new Set(['ok']));
    }
    // A reload reads the active and the next key, so every second rotation needs one, however many tokens name the key.
    expect(reloads).toEqual([{ kind: 'reloaded' }, { kind: 'reloaded' }]);
  });

  it('are read once for many tokens that name unknown keys', async () => {
    const node = await openNode();
    const names = Array.from({ length: 200 }, (_, index) => `forged-${index}`);
    expect(await Promise.all(names.map((kid) => node.verifyKey(kid)))).toEqual(names.map(() => undefined));
    expect(await Promise.all(names.map((kid) => node.verifyKey(kid)))).toEqual(names.map(() => undefined));
    expect(reloads).toEqual([{ kind: 'reloaded' }]);
  });

  it('reject no token while the database is away: the check fails instead', async () => {
    const failure = new Error('the database is away');
    let isAway = false;
    const rows: Database['rows'] = (statement, values) =>
      isAway ? Promise.reject(failure) : database().rows(statement, values);
    const node = await openNode({ database: { ...database(), rows } });
    isAway = true;
    await expect(node.verifyKey('unknown')).rejects.toBe(failure);
  });

  describe('revoked', () => {
    const revoke = (node: SigningKeys, kid: string) => node.revoke({ kid });
    const nextOf = async (node: SigningKeys) => (await node.list()).find(({ state }) => state === 'next')?.kid ?? '';

    it('while active, verify nothing from then on, and the next one signs', async () => {
      const node = await openNode();
      const [leaked, next, token] = [node.current().kid, await nextOf(node), mint(node)];
      expect(await revoke(node, leaked)).toEqual({ kind: 'revoked', was: 'active' });
      expect(await verify(node, token)).toBe('invalid');
      expect(node.current().kid).toBe(next);
      expect(publishedKids(node)).not.toContain(leaked);
      expect(publishedKids(node)).toHaveLength(2);
      expect(await verify(node, mint(node))).toBe('ok');
      expect(await database().rows(countPrivateKeys, {})).toContainEqual({ state: 'retired', withPrivateKey: 0 });
      expect(await verify(await openNode(), token)).toBe('invalid');
    });

    it('while retired, leave the JWKS early, and the active one continues to sign', async () => {
      const node = await openNode();
      const [leaked, token] = [node.current().kid, mint(node)];
      await node.rotate({ immediately: true });
      const active = node.current().kid;
      expect(await revoke(node, leaked)).toMatchObject({ kind: 'revoked', was: 'retired' });
      expect(await verify(node, token)).toBe('invalid');
      expect(node.current().kid).toBe(active);
    });

    it('before they ever signed, are replaced', async () => {
      const node = await openNode();
      const [active, leaked] = [node.current().kid, await nextOf(node)];
      expect(await revoke(node, leaked)).toMatchObject({ kind: 'revoked', was: 'next' });
      expect(node.current().kid).toBe(active);
      expect(publishedKids(node)).toHaveLength(2);
      expect(publishedKids(node)).not.toContain(leaked);
    });

    it('are dropped by another node after its feed reads the revocation, and it signs with the next one', async () => {
      const [one, two] = [await openNode(), await openNode()];
      const [leaked, token] = [one.current().kid, mint(one)];
      const onError = (error: unknown) => {
        throw error;
      };
      const onSigningKeyRevoked = (kid: string) => two.forget(kid);
      const revocations = new Revocations({ database: database(), clock, onError, onSigningKeyRevoked });
      await revocations.read();
      expect(await verify(two, token)).toBe('ok');
      await revoke(one, leaked);
      await revocations.read();
      expect(await verify(two, token)).toBe('invalid');
      expect(publishedKids(two)).not.toContain(leaked);
      await expect.poll(() => two.current().kid).toBe(one.current().kid);
      expect(await verify(one, mint(two))).toBe('ok');
    });

    it('by many nodes concurrently are revoked once, with one successor', async () => {
      const nodes = await Promise.all(Array.from({ length: 6 }, () => openNode()));
      const leaked = nodes[0]!.current().kid;
      const answers = await Promise.all(nodes.map((node) => revoke(node, leaked)));
      expect(answers.map(({ kind }) => kind).toSorted()).toEqual([...Array(5).fill('dead_already'), 'revoked']);
      const states = (await nodes[0]!.list()).map(({ state }) => state);
      expect(states.toSorted()).toEqual(['active', 'next', 'retired']);
    });

    it.each(['active', 'next'] as const)(
      'while %s and rotated concurrently, leave one active key that is published',
      async (state) => {
        const [one, two] = [await openNode(), await openNode()];
        const leaked = state === 'active' ? one.current().kid : await nextOf(one);
        const rotate = () => two.rotate({ immediately: true });
        await Promise.all([rotate(), revoke(one, leaked), rotate()]);
        await Promise.all([one.refresh(), two.refresh()]);
        expect(one.current().kid).toBe(two.current().kid);
        expect(one.current().kid).not.toBe(leaked);
        expect(publishedKids(two)).not.toContain(leaked);
        expect(await verify(two, mint(one))).toBe('ok');
      },
    );

    it('return `unknown` for a missing key', async () => {
      const node = await openNode();
      expect(await revoke(node, 'no-such-key')).toEqual({ kind: 'unknown' });
      expect(publishedKids(node)).toHaveLength(2);
    });
  });

  it.each(['EdDSA', 'RS256'] as const)('change to %s at the rotation after the setting', async (algorithm) => {
    const before = await openNode();
    const old = mint(before);
    const node = await openNode({ algorithm });
    expect(node.current().alg).toBe('ES256');
    expect(
      node
        .jwks()
        .keys.map(({ alg }) => alg)
        .toSorted(),
    ).toEqual(['ES256', algorithm].toSorted());
    clock.advance(publishingSeconds * 1000);
    await node.rotate();
    expect(node.current().alg).toBe(algorithm);
    expect(await verify(node, mint(node))).toBe('ok');
    expect(await verify(node, old)).toBe('ok');
  });

  it('fail to open when their private halves were swapped', async () => {
    await openNode();
    await database().run(swapPrivateKeys, {});
    await expect(openNode()).rejects.toThrow(AssertionFailed);
  });
});
