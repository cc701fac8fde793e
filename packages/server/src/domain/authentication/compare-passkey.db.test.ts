import { beforeAll, beforeEach, expect, it } from 'vitest';
import { assertionOptions } from '#domain/passkeys/index.ts';
import type { ChallengeContext } from '#protocol/webauthn/index.ts';
import { describeOnBothDatabases } from '#test/support/databases.ts';
import { addUser, type DomainFixture, openDomainFixture, type TestUser } from '#test/support/domain-fixture.ts';
import {
  addRegisteredPasskey,
  assertionOf,
  settings as passkeys,
  type RegisteredPasskey,
} from '#test/support/passkey-ceremonies.ts';
import { type ClientCeremony, createCredential, flagBits } from '#test/webauthn/authenticator.ts';
import { comparePasskey } from './compare-passkey.ts';

const context: ChallengeContext = { purpose: 'login', binding: Buffer.from('a browser') };

describeOnBothDatabases('the assertion of a passkey', (database) => {
  let fixture: DomainFixture;
  let user: TestUser;
  let owned: RegisteredPasskey;

  beforeAll(async () => {
    fixture = await openDomainFixture(database());
  });

  beforeEach(async () => {
    user = await addUser(fixture);
    owned = await addRegisteredPasskey(fixture, user);
  });

  const compare = (over: Partial<ClientCeremony> = {}, userId?: string, signer = owned) => {
    const now = fixture.clock.now();
    const { challenge } = assertionOptions({ keys: fixture.keys, passkeys }, { context, allowed: undefined, now });
    return comparePasskey({ ...fixture, passkeys }, assertionOf(signer, challenge, over), { context, userId, now });
  };

  it('is a proof of the user that the passkey belongs to', async () => {
    const proof = { by: 'passkey', userId: user.id, passkey: { id: owned.passkey.id, userId: user.id } };
    expect(await compare()).toMatchObject({ kind: 'proof', proof });
    expect(await compare({}, user.id)).toMatchObject({ kind: 'proof', proof });
  });

  it('is no proof of another user, whose ticket or session it is presented with', async () => {
    const { id: userId } = await addUser(fixture);
    expect(await compare({}, userId)).toMatchObject({ kind: 'rejected', problem: { code: 'unknown_passkey' }, userId });
  });

  it('of an unknown passkey names no user', async () => {
    const unknown = { ...owned, credential: createCredential(-7) };
    const problem = { code: 'unknown_passkey' };
    expect(await compare({}, undefined, unknown)).toMatchObject({ kind: 'rejected', problem, userId: undefined });
  });

  it('that breaks a rule is recorded for its user, with the reason in the log only', async () => {
    const problem = { code: 'invalid_passkey', log: 'the assertion was rejected: user_verification' };
    const rejected = { kind: 'rejected', problem, userId: user.id };
    expect(await compare({ flags: flagBits.up })).toMatchObject(rejected);
    const withoutPresence = { ...problem, log: 'the assertion was rejected: user_presence' };
    const second = await compare({ flags: flagBits.uv }, user.id);
    expect(second).toMatchObject({ ...rejected, problem: withoutPresence });
  });

  it('from another origin is recorded for the user of the ticket, or for none', async () => {
    const origin = 'https://evil.example';
    const problem = { code: 'invalid_passkey' };
    expect(await compare({ origin })).toMatchObject({ kind: 'rejected', problem, userId: undefined });
    expect(await compare({ origin }, user.id)).toMatchObject({ kind: 'rejected', problem, userId: user.id });
  });
});
