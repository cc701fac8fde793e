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
  let fixture: DomainFixture;
  let deps: Parameters<typeof addVerificationLink>[0];
  let audit: AuditLog;
  let user: TestUser;
  let identifierId: string;

  beforeAll(async () => {
    fixture = await openDomainFixture(database());
    audit = new AuditLog(fixture);
    const mail = new MailLedger({ ...fixture, publicUrl: 'https://login.example' });
    deps = { ...fixture, database: database(), tokens: new OneTimeTokens(fixture), mail };
  });

  beforeEach(async () => {
    user = await addUser(fixture);
    identifierId = (await database().row(emails, { userId: user.id }))?.id ?? '';
  });

  const registration = (): PendingRegistration => ({
    registrationId: fixture.makeId(),
    registeredAt: fixture.clock.now().toISOString(),
    asTyped: 'ada@people.example',
    phc: '$argon2id$',
    name: 'Ada',
    locale: 'en',
  });

  function add(tokenId: string, pending: PendingRegistration | undefined, authEpoch = 1): Promise<boolean> {
    const now = fixture.clock.now();
    const holder = { userId: user.id, identifierId, authEpoch };
    const link = {
      tokenId,
      holder,
      registration: pending,
      device: 'Firefox on Linux',
      locale: 'en',
      userKey: user.key,
      now,
    };
    const event = { action: 'user.registration_repeated', at: now, actor: { kind: 'anonymous' } } as const;
    return addVerificationLink(deps, link, audit.values({ ...event, userId: user.id }));
  }

  it('adds a link together with its mail and job', async () => {
    const id = fixture.makeId();
    expect(await add(id, registration())).toBe(true);
    expect(await database().rows(links, { userId: user.id })).toMatchObject([{ id }]);
  });

  it('stores the payload as ciphertext that decrypts only for its own row', async () => {
    const [id, other] = [fixture.makeId(), fixture.makeId()];
    const pending = registration();
    await add(id, pending);
    const sealed = (await database().row(links, { userId: user.id }))?.sealedPayload ?? Buffer.alloc(0);
    expect(sealed.includes('argon2id')).toBe(false);
    expect(openRegistration(fixture.keys, id, sealed)).toEqual(pending);
    expect(() => openRegistration(fixture.keys, other, sealed)).toThrow('not authentic');
  });

  it('stores no payload for a link whose user must choose a password', async () => {
    await add(fixture.makeId(), undefined);
    expect((await database().row(links, { userId: user.id }))?.sealedPayload).toBe(null);
  });

  it('adds no link when the address was verified or the epoch has changed since the holder was read', async () => {
    expect(await add(fixture.makeId(), registration(), 2)).toBe(false);
    await verifyIdentifier(database(), { id: identifierId, asTyped: undefined, now: fixture.clock.now() });
    expect(await add(fixture.makeId(), registration())).toBe(false);
    expect(await database().rows(links, { userId: user.id })).toEqual([]);
  });
});
