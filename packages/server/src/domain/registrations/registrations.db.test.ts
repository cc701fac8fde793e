import { beforeAll, beforeEach, expect, it } from 'vitest';
import { AuditLog } from '#domain/audit/index.ts';
import { verifyIdentifier } from '#domain/identifiers/index.ts';
import { MailLedger } from '#domain/mail-ledger/index.ts';
import { OneTimeTokens } from '#domain/one-time-tokens/index.ts';
import { statement } from '#platform/database/index.ts';
import { describeOnBothDatabases } from '#test/support/databases.ts';
import { addUser, type DomainFixture, openDomainFixture, type TestUser } from '#test/support/domain-fixture.ts';
import { addVerificationLink, openRegistration, type PendingRegistration } from './index.ts';

const links = statement('registrations_test.links', {
  lane: 'pool',
  sql: `select t.id, t.sealed_payload, m.id as mail_id, j.id as job_id
    from one_time_tokens t join mail_ledger m on m.token_id = t.id
      join jobs j on j.payload ->> 'mailId' = m.id::text
    where t.user_id = :userId`,
  params: { userId: 'uuid' },
  columns: { id: 'uuid', sealedPayload: 'bytea?', mailId: 'uuid', jobId: 'uuid' },
});
const emails = statement('registrations_test.emails', {
  lane: 'pool',
  sql: `update identifiers set verified_at = null where user_id = :userId returning id`,
  params: { userId: 'uuid' },
  columns: { id: 'uuid' },
});

describeOnBothDatabases('registrations', (database) => {
  let world: DomainFixture;
  let deps: Parameters<typeof addVerificationLink>[0];
  let audit: AuditLog;
  let person: TestUser;
  let identifierId: string;

  beforeAll(async () => {
    world = await openDomainFixture(database());
    audit = new AuditLog(world);
    const mail = new MailLedger({ ...world, publicUrl: 'https://login.example' });
    deps = { ...world, database: database(), tokens: new OneTimeTokens(world), mail };
  });

  beforeEach(async () => {
    person = await addUser(world);
    identifierId = (await database().row(emails, { userId: person.id }))?.id ?? '';
  });

  const registration = (): PendingRegistration => ({
    registrationId: world.makeId(),
    registeredAt: world.clock.now().toISOString(),
    phc: '$argon2id$',
    name: 'Ada',
    locale: 'en',
  });

  function add(tokenId: string, carried: PendingRegistration | undefined, authEpoch = 1): Promise<boolean> {
    const now = world.clock.now();
    const holder = { userId: person.id, identifierId, authEpoch };
    const link = { tokenId, holder, registration: carried, locale: 'en', userKey: person.key, now };
    const event = { action: 'user.registration_repeated', at: now, actor: { kind: 'stranger' } } as const;
    return addVerificationLink(deps, link, audit.values({ ...event, userId: person.id }));
  }

  it('adds a link with its mail and its job, all or none', async () => {
    const id = world.makeId();
    expect(await add(id, registration())).toBe(true);
    expect(await database().rows(links, { userId: person.id })).toMatchObject([{ id }]);
  });

  it('carries what opens only from its own row, and never in clear', async () => {
    const [id, other] = [world.makeId(), world.makeId()];
    const carried = registration();
    await add(id, carried);
    const sealed = (await database().row(links, { userId: person.id }))?.sealedPayload ?? Buffer.alloc(0);
    expect(sealed.includes('argon2id')).toBe(false);
    expect(openRegistration(world.keys, id, sealed)).toEqual(carried);
    expect(() => openRegistration(world.keys, other, sealed)).toThrow('not authentic');
  });

  it('carries nothing when nobody knows whose registration it continues', async () => {
    await add(world.makeId(), undefined);
    expect((await database().row(links, { userId: person.id }))?.sealedPayload).toBe(null);
  });

  it('adds none for an address that was proven, or a holder that changed, since it was read', async () => {
    expect(await add(world.makeId(), registration(), 2)).toBe(false);
    await verifyIdentifier(database(), identifierId, world.clock.now());
    expect(await add(world.makeId(), registration())).toBe(false);
    expect(await database().rows(links, { userId: person.id })).toEqual([]);
  });
});
