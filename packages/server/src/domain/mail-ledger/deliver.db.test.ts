import { afterEach, beforeEach, expect, it } from 'vitest';
import { statement } from '#platform/database/index.ts';
import { listDeadLetters, retryDeadLetter } from '#platform/jobs/index.ts';
import { BreakingTransport } from '#platform/mail/index.ts';
import { hashSecret } from '#protocol/secret-token/index.ts';
import { describeOnBothDatabases } from '#test/support/databases.ts';
import { MailFixture, messageIdIn, secretIn } from '#test/support/mail-fixture.ts';
import { silentDependencies } from '#test/support/silent-dependencies.ts';
import { eventually } from '#test/support/wait.ts';
import { deleteFinishedMails, enqueueMail } from './index.ts';

function changeStatement(name: string, sql: string) {
  return statement(`test_mail.${name}`, { lane: 'pool', sql, params: { id: 'uuid' }, columns: {} });
}
const consumeToken = changeStatement(
  'consume',
  `update one_time_tokens set consumed_at = created_at, outcome = 'used' where user_id = :id`,
);
const raiseEpoch = changeStatement('raise_epoch', 'update users set auth_epoch = auth_epoch + 1 where id = :id');
const destroyKey = changeStatement('destroy_key', 'delete from user_keys where user_id = :id');
const deleteIdentifier = changeStatement('delete_identifier', 'delete from identifiers where user_id = :id');
const deleteUser = changeStatement('delete_user', 'delete from users where id = :id');

/** The subject of a message whose encoded words are all in UTF-8 and Q, as ours are. */
function decodedSubject(headers: string): string {
  const [, subject = ''] = /^Subject: (.*(?:\r\n[\t ].*)*)/m.exec(headers) ?? [];
  const encoded = [...subject.matchAll(/=\?UTF-8\?Q\?([^?]*)\?=/g)].map(([, word = '']) => word.replaceAll('_', ' '));
  return decodeURIComponent(encoded.join('').replaceAll('%', '%25').replaceAll('=', '%'));
}

/**
 * A fault at the first delivery that passes `point`. The worker is stuck in it, yet still polls, and may claim the job again
 * when the lease has expired: then it must deliver like any other worker.
 */
function onceAt(point: string, fault: () => Promise<void>) {
  let reached = false;
  return (name: string): Promise<void> | undefined => {
    if (name !== point || reached) return undefined;
    reached = true;
    return fault();
  };
}

describeOnBothDatabases('the delivery of a mail', (database) => {
  let fixture: MailFixture;

  beforeEach(async () => {
    fixture = await MailFixture.open(database());
  });

  afterEach(() => fixture.end());

  it('sends a queued mail to the stored address with a link for its token, and records the attempt', async () => {
    const user = await fixture.addRecipient();
    const statuses: string[] = [];
    const { id, hash } = await fixture.enqueueLink(user);
    fixture.startWorkers({ onProcessed: (template, status) => statuses.push(`${template} ${status}`) });
    await fixture.waitForState(id, 'sent');
    const { received } = fixture.server;
    expect(received.map(({ to }) => to)).toEqual([[user.email]]);
    expect(hashSecret(secretIn(received[0]))).toEqual(hash);
    expect(messageIdIn(received[0])).toBe(`<${id}@auth.example.com>`);
    expect(await fixture.attemptsOf(id)).toEqual([
      { outcome: 'accepted', code: 250, reply: expect.stringMatching(/^250/) },
    ]);
    expect(statuses).toEqual(['verify_email sent']);
    await eventually(async () => (await fixture.jobs()).length === 0, { what: 'the job is gone' });
  });

  it('uses the locale of the ledger row, also in headers, which are ASCII (RFC 2047)', async () => {
    const { id } = await fixture.enqueueLink(await fixture.addRecipient(), database(), 'de-AT');
    fixture.startWorkers();
    await fixture.waitForState(id, 'sent');
    const raw = fixture.server.received[0]?.raw ?? '';
    const headers = raw.slice(0, raw.indexOf('\r\n\r\n'));
    expect(headers).toMatch(/^[\t\r\n -~]*$/);
    expect(decodedSubject(headers)).toBe('E-Mail-Adresse für Latchkey bestätigen');
    expect(raw).toContain('lang=3D"de"');
  });

  it('delivers every mail exactly once when the server rejects every third attempt', async () => {
    const recipients = await Promise.all(Array.from({ length: 20 }, () => fixture.addRecipient()));
    const queued = await Promise.all(recipients.map((user) => fixture.enqueueLink(user)));
    let attempt = 0;
    fixture.server.react((stage) => {
      if (stage !== 'end') return 'accept';
      attempt += 1;
      return attempt % 3 === 0 ? { code: 451, text: 'try again later' } : 'accept';
    });
    fixture.startWorkers();
    await Promise.all(queued.map(({ id }) => fixture.waitForStateAcrossRetries(id, 'sent')));
    const { received } = fixture.server;
    const accepted = received.filter((mail) => mail.accepted);
    expect(new Set(accepted.map(({ to }) => to[0]))).toEqual(new Set(recipients.map(({ email }) => email)));
    expect(accepted).toHaveLength(20);
    const outcomes = (await Promise.all(queued.map(({ id }) => fixture.outcomesOf(id)))).flat();
    expect(outcomes.filter((outcome) => outcome === 'refused')).toHaveLength(received.length - 20);
  });

  it('retries with the same Message-ID and link when the worker crashed between the 250 and the update', async () => {
    const { id, hash } = await fixture.enqueueLink(await fixture.addRecipient());
    const [crashed, accepted] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
    fixture.startWorkers({
      faultPoint: onceAt('mail.after_accept', () => {
        accepted.resolve();
        return crashed.promise;
      }),
    });
    await accepted.promise;
    const { received } = fixture.server;
    fixture.clock.advance(16_000);
    fixture.startWorkers();
    await fixture.waitForState(id, 'sent');
    expect(await fixture.outcomesOf(id)).toEqual(['in_doubt', 'accepted']);
    expect(received.map(messageIdIn)).toEqual([`<${id}@auth.example.com>`, `<${id}@auth.example.com>`]);
    expect(received.map((mail) => hashSecret(secretIn(mail)))).toEqual([hash, hash]);
    crashed.resolve();
    await eventually(async () => (await fixture.outcomesOf(id))[0] === 'accepted', {
      what: 'the first worker records its 250',
    });
    expect(await fixture.stateOf(id)).toBe('sent');
  });

  it('marks the attempt in_doubt and retries when the worker crashed before the first byte', async () => {
    const { id } = await fixture.enqueueLink(await fixture.addRecipient());
    const crashed = Promise.withResolvers<void>();
    fixture.startWorkers({ faultPoint: onceAt('mail.before_send', () => crashed.promise) });
    await eventually(async () => (await fixture.outcomesOf(id))[0] === 'sending', { what: 'the attempt is written' });
    fixture.clock.advance(16_000);
    fixture.startWorkers();
    await fixture.waitForState(id, 'sent');
    expect(await fixture.outcomesOf(id)).toEqual(['in_doubt', 'accepted']);
    expect(fixture.server.received).toHaveLength(1);
    crashed.reject(new Error('crashed'));
  });

  it('marks the attempt in_doubt and retries when the connection is lost after the final dot', async () => {
    const { id } = await fixture.enqueueLink(await fixture.addRecipient());
    fixture.server.react((stage) => (stage === 'end' ? 'hang_up' : 'accept'));
    fixture.startWorkers();
    await eventually(async () => (await fixture.outcomesOf(id))[0] === 'in_doubt', { what: 'the attempt is in_doubt' });
    fixture.server.react(() => 'accept');
    await fixture.waitForStateAcrossRetries(id, 'sent');
    expect(await fixture.outcomesOf(id)).toEqual(['in_doubt', 'accepted']);
  });

  it('is retried by another worker at once when its own is stopped', async () => {
    const { id } = await fixture.enqueueLink(await fixture.addRecipient());
    fixture.server.react((stage) => (stage === 'end' ? 'silence' : 'accept'));
    const workers = fixture.startWorkers();
    await eventually(() => fixture.server.received.length === 1, { what: 'the server has it' });
    await workers.stop({ graceMs: 0 });
    expect(await fixture.attemptsOf(id)).toEqual([{ outcome: 'in_doubt', code: null, reply: 'EABORT' }]);
    fixture.server.react(() => 'accept');
    fixture.startWorkers();
    await fixture.waitForState(id, 'sent');
  });

  it('fails after three permanent rejections, as a dead letter that can be retried', async () => {
    const { id } = await fixture.enqueueLink(await fixture.addRecipient());
    fixture.server.react((stage) => (stage === 'recipient' ? { code: 550, text: '5.1.1 no such user' } : 'accept'));
    fixture.startWorkers();
    await fixture.waitForStateAcrossRetries(id, 'failed');
    const refused = { outcome: 'refused', code: 550, reply: '550 5.1.1 no such user' };
    expect(await fixture.attemptsOf(id)).toEqual([refused, refused, refused]);
    await eventually(async () => (await fixture.jobs())[0]?.state === 'dead', { what: 'the job is dead' });
    const [letter] = await listDeadLetters(database(), fixture.clock.now(), 10);
    expect(letter).toMatchObject({ kind: 'mail.send', payload: { mailId: id }, lastError: 'refused with 550' });
    fixture.server.react(() => 'accept');
    await retryDeadLetter(database(), letter?.id ?? '', fixture.clock.now());
    await fixture.waitForState(id, 'sent');
  });

  it('fails when its fifteen attempts are exhausted, after about a day', async () => {
    const values = fixture.noticeValues(await fixture.addRecipient());
    await enqueueMail(database(), values);
    fixture.server.react((stage) => (stage === 'mail' ? 'hang_up' : 'accept'));
    fixture.startWorkers();
    const startedMs = fixture.clock.now().getTime();
    await fixture.waitForStateAcrossRetries(values.mailId, 'failed');
    expect(await fixture.outcomesOf(values.mailId)).toEqual(Array.from({ length: 15 }, () => 'failed'));
    expect(fixture.clock.now().getTime() - startedMs).toBeGreaterThan(18 * 3_600_000);
    await eventually(async () => (await fixture.jobs())[0]?.state === 'dead', { what: 'the job is dead' });
  });

  it('waits while the circuit is open, without writing or consuming attempts', async () => {
    const { id } = await fixture.enqueueLink(await fixture.addRecipient());
    const breaking = new BreakingTransport(fixture.transport, {
      clock: fixture.clock,
      dependencies: silentDependencies(),
      threshold: 1,
      openSeconds: 0.3,
    });
    fixture.server.react((stage) => (stage === 'mail' ? 'hang_up' : 'accept'));
    const statuses: string[] = [];
    fixture.startWorkers({ transport: breaking, onProcessed: (_template, status) => statuses.push(status) });
    const hasWaitedThrice = async () => {
      await fixture.skipDelay();
      return statuses.filter((status) => status === 'unavailable').length >= 3;
    };
    await eventually(hasWaitedThrice, { what: 'it waited three times' });
    fixture.server.react(() => 'accept');
    await fixture.waitForStateAcrossRetries(id, 'sent');
    expect(await fixture.outcomesOf(id)).toHaveLength(statuses.filter((status) => status !== 'unavailable').length);
  });

  it.each([
    ['the address is deleted', deleteIdentifier],
    ['the user is deleted', deleteUser],
    ['the user’s key is destroyed', destroyKey],
    ['the link is used', consumeToken],
    ['the link belongs to an earlier epoch', raiseEpoch],
  ])('drops the mail when %s', async (_, change) => {
    const user = await fixture.addRecipient();
    const { id } = await fixture.enqueueLink(user);
    await database().run(change, { id: user.userId });
    fixture.startWorkers();
    await fixture.waitForState(id, 'dropped');
    expect(fixture.server.received).toEqual([]);
    expect(await fixture.outcomesOf(id)).toEqual([]);
  });

  it('drops the mail when its link has expired, and deletes it after 90 days', async () => {
    const { id } = await fixture.enqueueLink(await fixture.addRecipient());
    fixture.clock.advance(25 * 3_600_000);
    fixture.startWorkers();
    await fixture.waitForState(id, 'dropped');
    expect(await deleteFinishedMails(database(), fixture.clock.now())).toBe(0);
    fixture.clock.advance(91 * 24 * 3_600_000);
    expect(await deleteFinishedMails(database(), fixture.clock.now())).toBe(1);
  });
});
