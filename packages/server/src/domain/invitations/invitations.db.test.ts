import { beforeAll, expect, it } from 'vitest';
import { enqueueInvitationMail, MailLedger } from '#domain/mail-ledger/index.ts';
import { OneTimeTokens } from '#domain/one-time-tokens/index.ts';
import { addSeconds } from '#kernel/clock.ts';
import { statement } from '#platform/database/index.ts';
import { describeOnBothDatabases } from '#test/support/databases.ts';
import { type DomainFixture, openDomainFixture } from '#test/support/domain-fixture.ts';
import {
  deleteExpiredInvitations,
  findActiveInvitation,
  insertInvitation,
  invitationLifetimeSeconds,
  listOpenInvitations,
  revokeInvitation,
  useInvitation,
} from './index.ts';

const readRow = statement('invitations_test.row', {
  lane: 'pool',
  sql: `select as_typed, canonical, key_id, outcome from invitations where id = :id`,
  params: { id: 'uuid' },
  columns: { asTyped: 'text?', canonical: 'text?', keyId: 'uuid', outcome: 'text?' },
});
const readMail = statement('invitations_test.mail', {
  lane: 'pool',
  sql: `select invitation_id, user_id from mail_ledger where id = :id`,
  params: { id: 'uuid' },
  columns: { invitationId: 'uuid?', userId: 'uuid?' },
});

const firstId = '00000000-0000-0000-0000-000000000000';

describeOnBothDatabases('invitations', (database) => {
  let fixture: DomainFixture;
  let tokens: OneTimeTokens;

  beforeAll(async () => {
    fixture = await openDomainFixture(database());
    tokens = new OneTimeTokens(fixture);
  });

  async function add(address = `${fixture.makeId()}@people.example`): Promise<{ id: string; text: string }> {
    const id = fixture.makeId();
    const email = { asTyped: address.toUpperCase(), canonical: address };
    const invitation = { id, email, locale: 'de', role: 'owner', now: fixture.clock.now() } as const;
    await database().transaction((tx) => insertInvitation(tx, { ...fixture, tokens }, invitation));
    const keyId = (await row(id))?.keyId ?? '';
    return { id, text: tokens.secret(id, 'invitation', keyId) };
  }

  const row = (id: string) => database().row(readRow, { id });
  const find = (text: string) => findActiveInvitation(database(), text, fixture.clock.now());
  const use = (text: string) => database().transaction((tx) => useInvitation(tx, text, fixture.clock.now()));

  it('are used by one of twenty concurrent requests, and lose their address', async () => {
    const { id, text } = await add('race@people.example');
    expect(await find(text)).toMatchObject({ id, asTyped: 'RACE@PEOPLE.EXAMPLE' });
    const results = await Promise.all(Array.from({ length: 20 }, () => use(text)));
    const canonical = 'race@people.example';
    expect(results.filter((result) => result !== undefined)).toEqual([
      { id, asTyped: 'RACE@PEOPLE.EXAMPLE', canonical, locale: 'de', role: 'owner' },
    ]);
    expect(await row(id)).toMatchObject({ asTyped: null, canonical: null, outcome: 'used' });
    expect(await find(text)).toBeUndefined();
  });

  it('are one for each address, also when twenty are created concurrently', async () => {
    const address = 'twenty@people.example';
    const made = await Promise.all(Array.from({ length: 20 }, () => add(address)));
    const rows = await Promise.all(made.map(({ id }) => row(id)));
    expect(rows.filter((stored) => stored?.outcome === null)).toHaveLength(1);
    expect(rows.filter((stored) => stored?.outcome === 'revoked')).toHaveLength(19);
  });

  it('stay active when the transaction that uses them rolls back', async () => {
    const { id, text } = await add();
    const failed = database().transaction(async (tx) => {
      await useInvitation(tx, text, fixture.clock.now());
      throw new Error('the effect failed');
    });
    await expect(failed).rejects.toThrow('the effect failed');
    expect(await use(text)).toMatchObject({ id });
  });

  it('are revoked once, and by a new invitation of the same address', async () => {
    const first = await add('again@people.example');
    const second = await add('again@people.example');
    expect(await row(first.id)).toMatchObject({ outcome: 'revoked', canonical: null });
    expect(await use(first.text)).toBeUndefined();
    const revoke = () => revokeInvitation(database(), second.id, fixture.clock.now());
    expect([await revoke(), await revoke()]).toEqual([true, false]);
    expect(await use(second.text)).toBeUndefined();
  });

  it('are listed in pages while they are open', async () => {
    const added = [await add(), await add(), await add()];
    await use(added[1]?.text ?? '');
    const page = (after: string, limit: number) =>
      listOpenInvitations(database(), { after, now: fixture.clock.now(), limit });
    expect((await page(added[0]?.id ?? '', 10)).map(({ id }) => id)).toEqual([added[2]?.id]);
    expect(await page(firstId, 1)).toHaveLength(1);
  });

  it('expire after seven days to the millisecond, and are deleted a week later, but the row of their mail is kept', async () => {
    const { id, text } = await add();
    const mail = new MailLedger({ ...fixture, publicUrl: 'https://login.example' });
    const values = mail.invitationValues({ invitationId: id, locale: 'en', now: fixture.clock.now() });
    await database().transaction((tx) => enqueueInvitationMail(tx, values));
    const mailRow = () => database().row(readMail, { id: values.mailId });
    expect(await mailRow()).toEqual({ invitationId: id, userId: null });
    const end = addSeconds(fixture.clock.now(), invitationLifetimeSeconds).getTime();
    fixture.time.advance(end - fixture.clock.now().getTime() - 1);
    expect(await find(text)).toMatchObject({ id });
    fixture.time.advance(1);
    expect(await find(text)).toBeUndefined();
    expect(await revokeInvitation(database(), id, fixture.clock.now())).toBe(false);
    fixture.time.advance(invitationLifetimeSeconds * 1000);
    await deleteExpiredInvitations(database(), fixture.clock.now());
    expect(await row(id)).toBeDefined();
    fixture.time.advance(1);
    await deleteExpiredInvitations(database(), fixture.clock.now());
    expect(await row(id)).toBeUndefined();
    expect(await mailRow()).toEqual({ invitationId: null, userId: null });
  });
});
