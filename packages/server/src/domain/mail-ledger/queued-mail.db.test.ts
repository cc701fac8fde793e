import { afterEach, beforeEach, expect, it } from 'vitest';
import { describeOnBothDatabases } from '#test/support/databases.ts';
import { enqueueByFragment, MailFixture, secretIn } from '#test/support/mail-fixture.ts';
import { eventually } from '#test/support/wait.ts';

describeOnBothDatabases('a queued mail', (database) => {
  let fixture: MailFixture;

  beforeEach(async () => {
    fixture = await MailFixture.open(database());
  });

  afterEach(() => fixture.end());

  it('is not stored when the transaction rolls back', async () => {
    const user = await fixture.addRecipient();
    const rolledBack = database().transaction(async (tx) => {
      await fixture.enqueueLink(user, tx);
      throw new Error('the effect failed');
    });
    await expect(rolledBack).rejects.toThrow('the effect failed');
    expect(await fixture.allRows()).toBe('');
  });

  it('is enqueued once by a composed statement if its cause has rows, and otherwise not', async () => {
    const user = await fixture.addRecipient();
    await database().row(enqueueByFragment, { causes: [], ...fixture.noticeValues(user) });
    expect(await fixture.allRows()).toBe('');
    const values = fixture.noticeValues(user);
    await database().row(enqueueByFragment, { causes: [fixture.makeId(), fixture.makeId()], ...values });
    fixture.startWorkers();
    await fixture.waitForState(values.mailId, 'sent');
    expect(fixture.server.received).toHaveLength(1);
  });

  it('is stored without secret, name, address or body', async () => {
    const user = await fixture.addRecipient();
    const { id } = await fixture.enqueueLink(user);
    fixture.server.react((stage) => (stage === 'end' ? { code: 451, text: `no <${user.email}>` } : 'accept'));
    fixture.startWorkers();
    await eventually(async () => (await fixture.outcomesOf(id))[0] === 'refused', { what: 'it is rejected' });
    const rows = await fixture.allRows();
    const secret = secretIn(fixture.server.received[0]);
    expect(secret).not.toBe('');
    for (const text of [secret, secret.slice(6, 30), 'Lovelace', user.email, 'verify-email?']) {
      expect(rows).not.toContain(text);
      expect(rows).not.toContain(Buffer.from(text).toString('hex'));
    }
  });
});
