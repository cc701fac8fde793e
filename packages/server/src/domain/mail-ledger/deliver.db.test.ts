import { afterEach, beforeEach, expect, it } from 'vitest';
import { statement } from '#platform/database/index.ts';
import { listDeadLetters, retryDeadLetter } from '#platform/jobs/index.ts';
import { BreakingTransport } from '#platform/mail/index.ts';
import { hashSecret } from '#protocol/secret-token/index.ts';
import { describeOnBothDatabases } from '#test/support/databases.ts';
import { MailFixture, messageIdIn, secretIn } from '#test/support/mail-fixture.ts';
import { eventually } from '#test/support/wait.ts';
import { deleteFinishedMails, enqueueMail } from './index.ts';

function change(name: string, sql: string) {
  return statement(`test_mail.${name}`, { lane: 'pool', sql, params: { id: 'uuid' }, columns: {} });
}
const consumeToken = change(
  'consume',
  `update one_time_tokens set consumed_at = created_at, outcome = 'used' where user_id = :id`,
);
const raiseEpoch = change('raise_epoch', 'update users set auth_epoch = auth_epoch + 1 where id = :id');
const destroyKey = change('destroy_key', 'delete from user_keys where user_id = :id');
const deleteIdentifier = change('delete_identifier', 'delete from identifiers where user_id = :id');
const deleteUser = change('delete_user', 'delete from users where id = :id');

/** The subject of a message whose encoded words are all in UTF-8 and Q, as ours are. */
function decodedSubject(headers: string): string {
  const [, subject = ''] = /^Subject: (.*(?:\r\n[\t ].*)*)/m.exec(headers) ?? [];
  const encoded = [...subject.matchAll(/=\?UTF-8\?Q\?([^?]*)\?=/g)].map(([, word = '']) => word.replaceAll('_', ' '));
  return decodeURIComponent(encoded.join('').replaceAll('%', '%25').replaceAll('=', '%'));
}

describeOnBothDatabases('the delivery of a mail', (database) => {
  let world: MailFixture;

  beforeEach(async () => {
    world = await MailFixture.open(database());
  });

  afterEach(() => world.end());

  it('sends what was promised to the stored address, with a link that opens its token, and says so', async () => {
    const person = await world.addRecipient();
    const statuses: string[] = [];
    const { id, hash } = await world.enqueueLink(person);
    world.startWorkers({ onProcessed: (template, status) => statuses.push(`${template} ${status}`) });
    await world.waitForState(id, 'sent');
    const { received } = world.server;
    expect(received.map(({ to }) => to)).toEqual([[person.email]]);
    expect(hashSecret(secretIn(received[0]))).toEqual(hash);
    expect(messageIdIn(received[0])).toBe(`<${id}@auth.example.com>`);
    expect(await world.attemptsOf(id)).toEqual([
      { outcome: 'accepted', code: 250, reply: expect.stringMatching(/^250/) },
    ]);
    expect(statuses).toEqual(['verify_email sent']);
    await eventually(async () => (await world.jobs()).length === 0, { what: 'the job is gone' });
  });

  it('speaks the language of its promise, also where a header holds ASCII only (RFC 2047)', async () => {
    const { id } = await world.enqueueLink(await world.addRecipient(), database(), 'de-AT');
    world.startWorkers();
    await world.waitForState(id, 'sent');
    const raw = world.server.received[0]?.raw ?? '';
    const headers = raw.slice(0, raw.indexOf('\r\n\r\n'));
    expect(headers).toMatch(/^[\t\r\n -~]*$/);
    expect(decodedSubject(headers)).toBe('Bestätigen Sie Ihre E-Mail-Adresse für auth.example.com');
    expect(raw).toContain('lang=3D"de"');
  });

  it('loses nothing when the server refuses every third attempt, and sends nothing twice', async () => {
    const people = await Promise.all(Array.from({ length: 20 }, () => world.addRecipient()));
    const promised = await Promise.all(people.map((person) => world.enqueueLink(person)));
    let attempt = 0;
    world.server.react((stage) => {
      if (stage !== 'end') return 'accept';
      attempt += 1;
      return attempt % 3 === 0 ? { code: 451, text: 'try again later' } : 'accept';
    });
    world.startWorkers();
    await Promise.all(promised.map(({ id }) => world.waitForStateAcrossRetries(id, 'sent')));
    const { received } = world.server;
    const accepted = received.filter((mail) => mail.accepted);
    expect(new Set(accepted.map(({ to }) => to[0]))).toEqual(new Set(people.map(({ email }) => email)));
    expect(accepted).toHaveLength(20);
    const outcomes = (await Promise.all(promised.map(({ id }) => world.outcomesOf(id)))).flat();
    expect(outcomes.filter((outcome) => outcome === 'refused')).toHaveLength(received.length - 20);
  });

  it('sends again, with the same Message-ID and link, when the worker died between the 250 and the row', async () => {
    const { id, hash } = await world.enqueueLink(await world.addRecipient());
    const [killed, accepted] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
    const faultPoint = (name: string) => {
      if (name !== 'mail.after_accept') return undefined;
      accepted.resolve();
      return killed.promise;
    };
    world.startWorkers({ faultPoint });
    await accepted.promise;
    const { received } = world.server;
    world.clock.advance(16_000);
    world.startWorkers();
    await world.waitForState(id, 'sent');
    expect(await world.outcomesOf(id)).toEqual(['in_doubt', 'accepted']);
    expect(received.map(messageIdIn)).toEqual([`<${id}@auth.example.com>`, `<${id}@auth.example.com>`]);
    expect(received.map((mail) => hashSecret(secretIn(mail)))).toEqual([hash, hash]);
    killed.resolve();
    await eventually(async () => (await world.outcomesOf(id))[0] === 'accepted', { what: 'who got a 250 says so' });
    expect(await world.stateOf(id)).toBe('sent');
  });

  it('is in doubt, and sent, when the worker died before the first byte', async () => {
    const { id } = await world.enqueueLink(await world.addRecipient());
    const killed = Promise.withResolvers<void>();
    world.startWorkers({ faultPoint: (name) => (name === 'mail.before_send' ? killed.promise : undefined) });
    await eventually(async () => (await world.outcomesOf(id))[0] === 'sending', { what: 'the attempt is written' });
    world.clock.advance(16_000);
    world.startWorkers();
    await world.waitForState(id, 'sent');
    expect(await world.outcomesOf(id)).toEqual(['in_doubt', 'accepted']);
    expect(world.server.received).toHaveLength(1);
    killed.reject(new Error('killed'));
  });

  it('is in doubt, and sent again, when the connection is lost after the final dot', async () => {
    const { id } = await world.enqueueLink(await world.addRecipient());
    world.server.react((stage) => (stage === 'end' ? 'hang_up' : 'accept'));
    world.startWorkers();
    await eventually(async () => (await world.outcomesOf(id))[0] === 'in_doubt', { what: 'it is in doubt' });
    world.server.react(() => 'accept');
    await world.waitForStateAcrossRetries(id, 'sent');
    expect(await world.outcomesOf(id)).toEqual(['in_doubt', 'accepted']);
  });

  it('goes to the next worker at once when its own is stopped', async () => {
    const { id } = await world.enqueueLink(await world.addRecipient());
    world.server.react((stage) => (stage === 'end' ? 'silence' : 'accept'));
    const workers = world.startWorkers();
    await eventually(() => world.server.received.length === 1, { what: 'the server has it' });
    await workers.stop({ graceMs: 0 });
    expect(await world.attemptsOf(id)).toEqual([{ outcome: 'in_doubt', code: null, reply: 'EABORT' }]);
    world.server.react(() => 'accept');
    world.startWorkers();
    await world.waitForState(id, 'sent');
  });

  it('gives up after three refusals for good, as a dead letter that can be taken up again', async () => {
    const { id } = await world.enqueueLink(await world.addRecipient());
    world.server.react((stage) => (stage === 'recipient' ? { code: 550, text: '5.1.1 no such user' } : 'accept'));
    world.startWorkers();
    await world.waitForStateAcrossRetries(id, 'failed');
    const refused = { outcome: 'refused', code: 550, reply: '550 5.1.1 no such user' };
    expect(await world.attemptsOf(id)).toEqual([refused, refused, refused]);
    await eventually(async () => (await world.jobs())[0]?.state === 'dead', { what: 'the job is dead' });
    const [letter] = await listDeadLetters(database(), world.clock.now(), 10);
    expect(letter).toMatchObject({ kind: 'mail.send', payload: { mailId: id }, lastError: 'refused with 550' });
    world.server.react(() => 'accept');
    await retryDeadLetter(database(), letter?.id ?? '', world.clock.now());
    await world.waitForState(id, 'sent');
  });

  it('fails when the attempts of about a day are used up', async () => {
    const values = world.noticeValues(await world.addRecipient());
    await enqueueMail(database(), values);
    world.server.react((stage) => (stage === 'mail' ? 'hang_up' : 'accept'));
    world.startWorkers();
    const beganMs = world.clock.now().getTime();
    await world.waitForStateAcrossRetries(values.mailId, 'failed');
    expect(await world.outcomesOf(values.mailId)).toEqual(Array.from({ length: 15 }, () => 'failed'));
    expect(world.clock.now().getTime() - beganMs).toBeGreaterThan(18 * 3_600_000);
    await eventually(async () => (await world.jobs())[0]?.state === 'dead', { what: 'the job is dead' });
  });

  it('waits while the circuit is open: no attempt is written and none is used up', async () => {
    const { id } = await world.enqueueLink(await world.addRecipient());
    const breaking = new BreakingTransport(world.transport, { clock: world.clock, threshold: 1, openSeconds: 0.3 });
    world.server.react((stage) => (stage === 'mail' ? 'hang_up' : 'accept'));
    const statuses: string[] = [];
    world.startWorkers({ transport: breaking, onProcessed: (_template, status) => statuses.push(status) });
    const waitedThrice = async () => {
      await world.skipDelay();
      return statuses.filter((status) => status === 'unavailable').length >= 3;
    };
    await eventually(waitedThrice, { what: 'it waited three times' });
    world.server.react(() => 'accept');
    await world.waitForStateAcrossRetries(id, 'sent');
    expect(await world.outcomesOf(id)).toHaveLength(statuses.filter((status) => status !== 'unavailable').length);
  });

  it.each([
    ['the address', deleteIdentifier],
    ['the person', deleteUser],
    ['the person’s key', destroyKey],
    ['the link, used,', consumeToken],
    ['the link, of an earlier epoch,', raiseEpoch],
  ])('drops the mail when %s is gone', async (_what, changed) => {
    const person = await world.addRecipient();
    const { id } = await world.enqueueLink(person);
    await database().run(changed, { id: person.userId });
    world.startWorkers();
    await world.waitForState(id, 'dropped');
    expect(world.server.received).toEqual([]);
    expect(await world.outcomesOf(id)).toEqual([]);
  });

  it('drops the mail when its link has expired, and forgets it after 90 days', async () => {
    const { id } = await world.enqueueLink(await world.addRecipient());
    world.clock.advance(25 * 3_600_000);
    world.startWorkers();
    await world.waitForState(id, 'dropped');
    expect(await deleteFinishedMails(database(), world.clock.now())).toBe(0);
    world.clock.advance(91 * 24 * 3_600_000);
    expect(await deleteFinishedMails(database(), world.clock.now())).toBe(1);
  });
});
