import { beforeAll, expect, it } from 'vitest';
import { MailLedger } from '#domain/mail-ledger/index.ts';
import { OneTimeTokens } from '#domain/one-time-tokens/index.ts';
import { statement } from '#platform/database/index.ts';
import { describeOnBothDatabases } from '#test/support/databases.ts';
import { addUser, type DomainFixture, openDomainFixture } from '#test/support/domain-fixture.ts';
import { operator } from '#test/support/operator.ts';
import { type AdminInvitations, createInvitation, listInvitations, revoke } from './index.ts';

const readEvents = statement('admin_invitations_test.events', {
  lane: 'pool',
  sql: `select action, actor_kind, convert_from(body, 'UTF8') as body from audit_events
    where convert_from(body, 'UTF8') like '%' || :id || '%' order by id`,
  params: { id: 'text' },
  columns: { action: 'text', actorKind: 'text', body: 'text?' },
});
const readMails = statement('admin_invitations_test.mails', {
  lane: 'pool',
  sql: `select m.template, m.locale, j.kind from mail_ledger m join jobs j on j.payload ->> 'mailId' = m.id::text
    where m.invitation_id = :id`,
  params: { id: 'uuid' },
  columns: { template: 'text', locale: 'text', kind: 'text' },
});

describeOnBothDatabases('administration of invitations', (database) => {
  let fixture: DomainFixture;
  let flow: AdminInvitations;

  beforeAll(async () => {
    fixture = await openDomainFixture(database());
    const mail = new MailLedger({ ...fixture, publicUrl: 'https://login.example' });
    flow = { ...fixture, tokens: new OneTimeTokens(fixture), mail };
  });

  async function invite(address: string): Promise<string> {
    const email = { asTyped: address, canonical: address };
    const outcome = await createInvitation(flow, operator, { email, locale: 'de', role: 'owner' });
    if (outcome.kind !== 'created') throw new Error(outcome.kind);
    return outcome.invitationId;
  }

  it('stores the invitation with its mail and an event that has the address encrypted', async () => {
    const id = await invite('sealed@people.example');
    expect(await database().rows(readMails, { id })).toEqual([
      { template: 'invitation', locale: 'de', kind: 'mail.send' },
    ]);
    const [event, ...others] = await database().rows(readEvents, { id });
    expect(event).toMatchObject({ action: 'invitation.created', actorKind: 'operator' });
    expect(event?.body).toContain('"roles":["owner"]');
    expect(event?.body).not.toContain('sealed@people.example');
    expect(others).toEqual([]);
  });

  it('rejects a verified address and writes nothing', async () => {
    const user = await addUser(fixture);
    const before = await listInvitations(flow, 1000);
    const email = { asTyped: user.email, canonical: user.email };
    const outcome = await createInvitation(flow, operator, { email, locale: 'en', role: null });
    expect(outcome).toEqual({ kind: 'taken', holderId: user.id });
    expect(await listInvitations(flow, 1000)).toEqual(before);
  });

  it('lists each open invitation once, page by page', async () => {
    for (const name of ['a', 'b', 'c']) await invite(`${name}@people.example`);
    const all = await listInvitations(flow, 1000);
    expect(all.next).toBeUndefined();
    const listed: string[] = [];
    let after: string | undefined;
    do {
      const page = await listInvitations(flow, 2, after);
      listed.push(...page.invitations.map(({ id }) => id));
      after = page.next;
    } while (after !== undefined);
    expect(listed).toEqual(all.invitations.map(({ id }) => id));
  });

  it('revokes once, with one event, for ten concurrent calls', async () => {
    const id = await invite('revoked@people.example');
    const outcomes = await Promise.all(Array.from({ length: 10 }, () => revoke(flow, operator, id)));
    expect(outcomes.filter(Boolean)).toHaveLength(1);
    const events = await database().rows(readEvents, { id });
    expect(events.map(({ action }) => action)).toEqual(['invitation.created', 'invitation.revoked']);
  });
});
