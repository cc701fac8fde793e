import { beforeAll, expect, it } from 'vitest';
import { SigningKeys } from '#domain/signing-keys/index.ts';
import { statement } from '#platform/database/index.ts';
import { describeOnBothDatabases, effectsOf } from '#test/support/databases.ts';
import { type DomainFixture, openDomainFixture } from '#test/support/domain-fixture.ts';
import { operator } from '#test/support/operator.ts';
import { type RotateKeys, revokeSigningKey, rotateDataKey, rotateSigningKey } from './index.ts';

const readEvents = statement('rotate_keys_test.events', {
  lane: 'pool',
  sql: `select convert_from(body, 'UTF8') as body from audit_events where action = :action order by id`,
  params: { action: 'text' },
  columns: { body: 'text?' },
});

describeOnBothDatabases('rotation of keys', (database) => {
  let fixture: DomainFixture;
  let flow: RotateKeys;

  beforeAll(async () => {
    fixture = await openDomainFixture(database());
    const signingKeys = await new SigningKeys({ ...fixture, algorithm: 'ES256' }).open();
    flow = { ...fixture, signingKeys };
  });

  const factsOf = async (action: string): Promise<unknown[]> =>
    (await database().rows(readEvents, { action })).map(({ body }) => {
      const { actor, facts } = JSON.parse(body ?? '') as { readonly actor: unknown; readonly facts: object };
      return { actor, ...facts };
    });

  it('records a rotation of the signing key, and nothing for a rejected one', async () => {
    expect(await rotateSigningKey(flow, operator, false)).toMatchObject({ kind: 'too_early' });
    expect(await factsOf('signing_key.rotated')).toEqual([]);
    const rotation = await rotateSigningKey(flow, operator, true);
    if (rotation.kind !== 'rotated') throw new Error(rotation.kind);
    const { kid, retiredKid } = rotation;
    const actor = { kind: 'operator' };
    expect(await factsOf('signing_key.rotated')).toEqual([{ actor, kid, retiredKid, immediately: true }]);
  });

  it('records a revocation of a signing key once and publishes it with the commit', async () => {
    const kid = flow.signingKeys.current().kid;
    const committed = await effectsOf(database(), async () => {
      const outcomes = await Promise.all(Array.from({ length: 5 }, () => revokeSigningKey(flow, operator, kid)));
      expect(outcomes.filter((outcome) => outcome.kind === 'revoked')).toHaveLength(1);
    });
    const revoked = [{ kind: 'signing_key', target: kid, epoch: null }];
    expect(committed).toEqual([{ revoked, enqueued: false }]);
    const actor = { kind: 'operator' };
    expect(await factsOf('signing_key.revoked')).toEqual([{ actor, kid, was: 'active' }]);
    expect(await revokeSigningKey(flow, operator, 'no-such-key')).toEqual({ kind: 'unknown' });
    expect(await factsOf('signing_key.revoked')).toHaveLength(1);
  });

  it('records each rotation of a data key once for twenty concurrent calls', async () => {
    const outcomes = await Promise.all(Array.from({ length: 20 }, () => rotateDataKey(flow, operator, 'cursor')));
    const events = await factsOf('data_key.rotated');
    expect(events).toHaveLength(outcomes.filter((outcome) => outcome === 'rotated').length);
    expect(events[0]).toMatchObject({ actor: { kind: 'operator' }, purpose: 'cursor' });
  });
});
