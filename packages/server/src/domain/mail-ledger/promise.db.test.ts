import { afterEach, beforeEach, expect, it } from 'vitest';
import { describeOnBothDatabases } from '#test/support/databases.ts';
import { enqueueByFragment, MailFixture, secretIn } from '#test/support/mail-fixture.ts';
import { eventually } from '#test/support/wait.ts';

describeOnBothDatabases('a promised mail', (database) => {
  let world: MailFixture;

  beforeEach(async () => {
    world = await MailFixture.open(database());
  });

  afterEach(() => world.end());

  it('is no promise when the effect is rolled back', async () => {
    const person = await world.addRecipient();
    const rolledBack = database().transaction(async (tx) => {
      await world.enqueueLink(person, tx);
      throw new Error('the effect failed');
    });
    await expect(rolledBack).rejects.toThrow('the effect failed');
    expect(await world.allRows()).toBe('');
  });

  it('is one mail inside a hot statement if its cause happened, and none otherwise', async () => {
    const person = await world.addRecipient();
    await database().row(enqueueByFragment, { causes: [], ...world.noticeValues(person) });
    expect(await world.allRows()).toBe('');
    const values = world.noticeValues(person);
    await database().row(enqueueByFragment, { causes: [world.makeId(), world.makeId()], ...values });
    world.startWorkers();
    await world.waitForState(values.mailId, 'sent');
    expect(world.server.received).toHaveLength(1);
  });

  it('is kept without secret, name, address or body', async () => {
    const person = await world.addRecipient();
    const { id } = await world.enqueueLink(person);
    world.server.react((stage) => (stage === 'end' ? { code: 451, text: `no <${person.email}>` } : 'accept'));
    world.startWorkers();
    await eventually(async () => (await world.outcomesOf(id))[0] === 'refused', { what: 'it is refused' });
    const rows = await world.allRows();
    const secret = secretIn(world.server.received[0]);
    expect(secret).not.toBe('');
    for (const kept of [secret, secret.slice(6, 30), 'Lovelace', person.email, 'verify-email?']) {
      expect(rows).not.toContain(kept);
      expect(rows).not.toContain(Buffer.from(kept).toString('hex'));
    }
  });
});
