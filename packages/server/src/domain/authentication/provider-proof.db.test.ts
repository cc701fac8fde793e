import { randomBytes } from 'node:crypto';
import { beforeAll, beforeEach, describe, expect, it } from 'vitest';
import {
  beginProviderLogin,
  type IdentityUse,
  linkIdentity,
  newProviderLogin,
  suspendIdentities,
  takeProviderLogin,
  unlinkIdentity,
} from '#domain/federated-identities/index.ts';
import { scheduleDeletion } from '#domain/users/index.ts';
import { present } from '#kernel/assert.ts';
import { addSeconds } from '#kernel/clock.ts';
import { describeOnBothDatabases } from '#test/support/databases.ts';
import type { TestUser } from '#test/support/domain-fixture.ts';
import {
  addAuthenticator,
  addPasswordUser,
  eventsOf,
  failedKinds,
  type GateFixture,
  openGateFixture,
  openTicketsOf,
  otherKinds,
  requester,
  sessionsOf,
} from '#test/support/gate-fixture.ts';
import { addProviderRow, setProviderEnabled } from '#test/support/provider-rows.ts';
import { continueLogin, type LoginOptions, startLogin } from './decide.ts';
import type { Proof } from './proofs.ts';

const byCookie: LoginOptions = { transport: 'cookie', deviceToken: undefined };

describeOnBothDatabases('a proof by an identity provider', (database) => {
  let fixture: GateFixture;
  let user: TestUser;
  let identityId: string;
  let provider: { readonly id: string; readonly issuer: string };

  beforeAll(async () => {
    fixture = await openGateFixture(database());
  });

  beforeEach(async () => {
    provider = await addProviderRow(database(), fixture.clock.now());
    user = await addPasswordUser(fixture);
    identityId = await link(user);
  });

  const now = () => fixture.clock.now();

  async function link(of: TestUser): Promise<string> {
    const profile = { email: 'ada@provider.example', name: 'Ada' };
    const identity = { issuer: provider.issuer, subject: randomBytes(8).toString('hex'), profile };
    const linked = await database().transaction((tx) =>
      linkIdentity(tx, fixture.makeId, { userId: of.id, userKey: of.key, ...identity, now: now() }),
    );
    if (linked.kind !== 'linked') throw new Error(linked.kind);
    return linked.id;
  }

  /** A login at the provider whose callback has arrived. */
  async function arrived(): Promise<IdentityUse> {
    const browserHash = randomBytes(32);
    const login = newProviderLogin(fixture.keys);
    const started = { purpose: 'login', providerId: provider.id, browserHash, continueTo: undefined } as const;
    await beginProviderLogin(fixture, login, { ...started, now: now() });
    const taken = await takeProviderLogin(fixture, {
      state: login.state,
      providerId: provider.id,
      browserHash,
      now: now(),
    });
    return { kind: 'provider_login', id: present(taken, 'the login').id };
  }

  async function proof(more: Partial<Proof<'identity_provider'>> = {}): Promise<Proof<'identity_provider'>> {
    return { by: 'identity_provider', userId: user.id, identityId, strength: 'one', use: await arrived(), ...more };
  }

  const start = (of: Proof<'identity_provider'>) => startLogin(fixture.gate, of, byCookie, requester);

  it('is one factor, and resets no counter', async () => {
    expect(await start(await proof())).toMatchObject({ kind: 'done' });
    expect(await sessionsOf(fixture, user)).toMatchObject([
      { acr: '1', amr: ['fed'], factorTimes: { identity_provider: now().toISOString() } },
    ]);
    expect(await failedKinds(fixture, user)).toEqual(otherKinds());
    expect(await eventsOf(fixture, user)).toMatchObject([
      { action: 'login.succeeded', facts: { by: 'identity_provider' } },
    ]);
  });

  it('asks a user of two factors for the second one', async () => {
    const app = await addAuthenticator(fixture, user);
    const result = await start(await proof());
    expect(result).toMatchObject({ kind: 'step_required', step: 'second_factor', factors: ['totp'] });
    expect(await sessionsOf(fixture, user)).toEqual([]);
    const ticket = result.kind === 'step_required' ? result.ticket.text : '';
    const totp = { by: 'totp', userId: user.id, secretId: app.secretId, step: 1 } as const;
    await continueLogin(fixture.gate, ticket, totp, { deviceToken: undefined }, requester);
    expect(await sessionsOf(fixture, user)).toMatchObject([{ acr: '2', amr: ['fed', 'otp', 'mfa'] }]);
  });

  it('is two factors where the provider proves two', async () => {
    await addAuthenticator(fixture, user);
    expect(await start(await proof({ strength: 'two' }))).toMatchObject({ kind: 'done' });
    expect(await sessionsOf(fixture, user)).toMatchObject([{ acr: '2', amr: ['fed', 'mfa'] }]);
  });

  it('works once of twenty times at once, by a login at the provider and by an ID token', async () => {
    const token = { kind: 'id_token', nonceHash: randomBytes(32), expiresAt: addSeconds(now(), 600) } as const;
    for (const use of [await arrived(), token]) {
      const before = (await sessionsOf(fixture, user)).length;
      const one = await proof({ use });
      const results = await Promise.allSettled(Array.from({ length: 20 }, () => start(one)));
      expect(results.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
      for (const result of results) {
        if (result.status === 'rejected') expect(result.reason).toMatchObject({ code: 'invalid_provider_login' });
      }
      expect(await sessionsOf(fixture, user)).toHaveLength(before + 1);
    }
  });

  it.each([
    ['suspended', (of: GateFixture) => of.database.transaction((tx) => suspendIdentities(tx, user.id, now()))],
    ['unlinked', (of: GateFixture) => of.database.transaction((tx) => unlinkIdentity(tx, identityId, user.id))],
    ['of a disabled provider', (of: GateFixture) => setProviderEnabled(of.database, provider.id, false)],
  ])('is rejected while the identity is %s', async (_, change) => {
    const earlier = await proof();
    await change(fixture);
    await expect(start(earlier)).rejects.toMatchObject({ code: 'invalid_provider_login' });
    expect([await sessionsOf(fixture, user), await openTicketsOf(fixture, user)]).toEqual([[], 0]);
  });

  it('is rejected for the identity of another user', async () => {
    const other = await addPasswordUser(fixture);
    const theirs = await proof({ identityId: await link(other) });
    await expect(start(theirs)).rejects.toMatchObject({ code: 'invalid_provider_login' });
    expect([await sessionsOf(fixture, user), await sessionsOf(fixture, other)]).toEqual([[], []]);
  });

  describe('of a user', () => {
    it('who is disabled is rejected, and recorded', async () => {
      await database().transaction((tx) => fixture.users.changeStatus(tx, user.id, 'disabled'));
      await expect(start(await proof())).rejects.toMatchObject({ code: 'account_disabled' });
      expect(await eventsOf(fixture, user)).toMatchObject([
        { action: 'login.refused', facts: { reason: 'account_disabled', by: 'identity_provider' } },
      ]);
    });

    it('whose deletion is pending leads to its cancellation', async () => {
      const deletesAt = addSeconds(now(), 3600);
      await database().transaction((tx) => scheduleDeletion(tx, { userId: user.id, deletesAt, now: now() }));
      expect(await start(await proof())).toMatchObject({ kind: 'step_required', step: 'cancel_deletion' });
    });
  });
});
