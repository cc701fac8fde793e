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
  let world: DomainFixture;
  let tokens: OneTimeTokens;

  beforeAll(async () => {
    world = await openDomainFixture(database());
    tokens = new OneTimeTokens(world);
  });

  async function add(address = `${world.makeId()}@people.example`): Promise<{ id: string; text: string }> {
    const id = world.makeId();
    const email = { asTyped: address.toUpperCase(), canonical: address };
    const invitation = { id, email, locale: 'de', role: 'admin', now: world.clock.now() } as const;
    await database().transaction((tx) => insertInvitation(tx, { ...world, tokens }, invitation));
    const keyId = (await row(id))?.keyId ?? '';
    return { id, text: tokens.secret(id, 'invitation', keyId) };
  }

  const row = (id: string) => database().row(readRow, { id });
  const look = (text: string) => findActiveInvitation(database(), text, world.clock.now());
  const use = (text: string) => database().transaction((tx) => useInvitation(tx, text, world.clock.now()));

  it('are used by one of twenty at once, who alone learns the address, and then nobody can read it', async () => {
    const { id, text } = await add('race@people.example');
    expect(await look(text)).toMatchObject({ id, asTyped: 'RACE@PEOPLE.EXAMPLE' });
    const answers = await Promise.all(Array.from({ length: 20 }, () => use(text)));
    const canonical = 'race@people.example';
    expect(answers.filter((answer) => answer !== undefined)).toEqual([
      { id, asTyped: 'RACE@PEOPLE.EXAMPLE', canonical, locale: 'de', role: 'admin' },
    ]);
    expect(await row(id)).toMatchObject({ asTyped: null, canonical: null, outcome: 'used' });
    expect(await look(text)).toBeUndefined();
  });

  it('stay as they were when the effect of using them fails', async () => {
    const { id, text } = await add();
    const failed = database().transaction(async (tx) => {
      await useInvitation(tx, text, world.clock.now());
      throw new Error('the effect failed');
    });
    await expect(failed).rejects.toThrow('the effect failed');
    expect(await use(text)).toMatchObject({ id });
  });

  it('end when they are revoked, once, and when the address is invited again', async () => {
    const first = await add('again@people.example');
    const second = await add('again@people.example');
    expect(await row(first.id)).toMatchObject({ outcome: 'revoked', canonical: null });
    expect(await use(first.text)).toBeUndefined();
    const revoke = () => revokeInvitation(database(), second.id, world.clock.now());
    expect([await revoke(), await revoke()]).toEqual([true, false]);
    expect(await use(second.text)).toBeUndefined();
  });

  it('are listed page by page while they are open', async () => {
    const added = [await add(), await add(), await add()];
    await use(added[1]?.text ?? '');
    const page = (after: string, limit: number) =>
      listOpenInvitations(database(), { after, now: world.clock.now(), limit });
    expect((await page(added[0]?.id ?? '', 10)).map(({ id }) => id)).toEqual([added[2]?.id]);
    expect(await page(firstId, 1)).toHaveLength(1);
  });

  it('live for seven days to the millisecond, and are forgotten a week later with their mail kept', async () => {
    const { id, text } = await add();
    const mail = new MailLedger({ ...world, publicUrl: 'https://login.example' });
    const values = mail.invitationValues({ invitationId: id, locale: 'en', now: world.clock.now() });
    await database().transaction((tx) => enqueueInvitationMail(tx, values));
    const readIt = () => database().row(readMail, { id: values.mailId });
    expect(await readIt()).toEqual({ invitationId: id, userId: null });
    const end = addSeconds(world.clock.now(), invitationLifetimeSeconds).getTime();
    world.time.advance(end - world.clock.now().getTime() - 1);
    expect(await look(text)).toMatchObject({ id });
    world.time.advance(1);
    expect(await look(text)).toBeUndefined();
    expect(await revokeInvitation(database(), id, world.clock.now())).toBe(false);
    world.time.advance(invitationLifetimeSeconds * 1000);
    await deleteExpiredInvitations(database(), world.clock.now());
    expect(await row(id)).toBeDefined();
    world.time.advance(1);
    await deleteExpiredInvitations(database(), world.clock.now());
    expect(await row(id)).toBeUndefined();
    expect(await readIt()).toEqual({ invitationId: null, userId: null });
  });
});
