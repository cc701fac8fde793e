/** A mail ledger with keys, workers and a real SMTP server, and queries of the rows that mail tests check. */

import { createSecretKey, randomBytes } from 'node:crypto';
import {
  enqueueMail,
  enqueueMailFragment,
  MailLedger,
  type MailSending,
  mailHandler,
} from '#domain/mail-ledger/index.ts';
import { insertTokenFragment, OneTimeTokens } from '#domain/one-time-tokens/index.ts';
import { MovableClock, systemClock } from '#kernel/clock.ts';
import { idMaker, type MakeId } from '#kernel/ids.ts';
import { type Database, type Queries, statement } from '#platform/database/index.ts';
import { readCatalogues } from '#platform/i18n/index.ts';
import { JobWorkers } from '#platform/jobs/index.ts';
import { type KeyRing, localKek, openKeys, type UserKey } from '#platform/keys/index.ts';
import { type MailTransport, Smtp } from '#platform/mail/index.ts';
import { createLogger } from '#platform/telemetry/index.ts';
import { parseSmtpUrl } from '#protocol/connection-url/index.ts';
import { mailTheme } from './mail-theme.ts';
import { parsedValue } from './parsed.ts';
import { type ReceivedMail, startSmtpServer, type TestSmtpServer } from './smtp.ts';
import { eventually } from './wait.ts';

const publicUrl = 'https://auth.example.com';
const kek = localKek(createSecretKey(randomBytes(32)));
const logger = createLogger({
  level: 'silent',
  service: 'test',
  version: '0',
  destination: { write: () => undefined },
});

const insertRecipient = statement('test_mail.insert_user', {
  lane: 'pool',
  sql: `
    with made as (
      insert into users (id, subject, name, created_at, updated_at)
      values (:id, cast(:id as uuid)::text, :name, :now, :now)
      returning id
    ), keyed as (
      insert into user_keys (user_id, wrapped, created_at) select id, :wrapped, :now from made
    )
    insert into identifiers (id, user_id, kind, as_typed, canonical, is_primary, created_at)
    select :identifierId, id, 'email', :email, :email, true, :now from made`,
  params: { id: 'uuid', name: 'text', now: 'timestamptz', wrapped: 'bytea', identifierId: 'uuid', email: 'text' },
  columns: {},
});

const token = insertTokenFragment('cause');
const insertToken = statement('test_mail.insert_token', {
  lane: 'pool',
  sql: `with cause as (select 1 as one), ${token.sql} select id from issued`,
  params: token.params,
  columns: { id: 'uuid' },
});

const mailed = enqueueMailFragment('cause');
/** Enqueues a mail if at least one cause is given. */
export const enqueueByFragment = statement('test_mail.enqueue', {
  lane: 'write',
  sql: `with cause as (select id from unnest(:causes::uuid[]) as given (id)), ${mailed.sql}
    select count(*)::int4 from cause`,
  params: { causes: 'uuid[]', ...mailed.params },
  columns: { causes: 'int4' },
  after: { wakesWorkers: true },
});

const state = statement('test_mail.state', {
  lane: 'pool',
  sql: `select state from mail_ledger where id = :id`,
  params: { id: 'uuid' },
  columns: { state: 'text' },
});

const attempts = statement('test_mail.attempts', {
  lane: 'pool',
  sql: `select outcome, smtp_code, smtp_reply from mail_attempts where mail_id = :id order by number`,
  params: { id: 'uuid' },
  columns: { outcome: 'text', code: 'int4?', reply: 'text?' },
});

const everything = statement('test_mail.everything', {
  lane: 'pool',
  sql: `select mail_ledger::text from mail_ledger union all select jobs::text from jobs
    union all select mail_attempts::text from mail_attempts`,
  params: {},
  columns: { row: 'text' },
});

const jobs = statement('test_mail.jobs', {
  lane: 'pool',
  sql: 'select state, run_at, leased_until is not null from jobs',
  params: {},
  columns: { state: 'text', runAt: 'timestamptz', leased: 'bool' },
});

const clear = statement('test_mail.clear', {
  lane: 'pool',
  sql: `with a as (delete from jobs), b as (delete from mail_ledger), c as (delete from users) select 1`,
  params: {},
  columns: { one: 'int4' },
});

export interface Recipient {
  readonly userId: string;
  readonly identifierId: string;
  readonly email: string;
  readonly userKey: UserKey;
}

/** One for each test; call `end` after use. */
export class MailFixture {
  readonly database: Database;
  readonly clock = new MovableClock(systemClock);
  readonly makeId: MakeId = idMaker(this.clock);
  readonly mail = new MailLedger({ makeId: this.makeId, publicUrl });
  readonly server: TestSmtpServer;
  readonly transport: MailTransport;
  readonly #keys: KeyRing;
  readonly #tokens: OneTimeTokens;
  readonly #started: JobWorkers[] = [];

  private constructor(database: Database, server: TestSmtpServer, keys: KeyRing) {
    this.database = database;
    this.server = server;
    this.#keys = keys;
    this.#tokens = new OneTimeTokens({ keys, makeId: this.makeId });
    const smtp = parsedValue(parseSmtpUrl(server.url));
    this.transport = new Smtp({ server: smtp, silenceTimeoutMs: 2_000, connectTimeoutMs: 500 });
  }

  static async open(database: Database): Promise<MailFixture> {
    const makeId = idMaker(systemClock);
    const keys = await openKeys({ database, kek, clock: systemClock, makeId, onReload: () => undefined });
    return new MailFixture(database, await startSmtpServer(), keys);
  }

  async end(): Promise<void> {
    await Promise.all(this.#started.map((workers) => workers.stop({ graceMs: 0 })));
    await this.transport.close();
    await this.server.stop();
    await this.database.rows(clear, {});
  }

  /** Starts workers, as another process would. */
  startWorkers(more: Partial<MailSending> = {}): JobWorkers {
    const { database, clock, makeId, transport } = this;
    const sending: MailSending = {
      database,
      clock,
      keys: this.#keys,
      transport,
      catalogues: readCatalogues(),
      theme: mailTheme,
      from: { name: 'Latchkey', address: 'no-reply@auth.example.com' },
      publicUrl,
      makeId,
      mail: this.mail,
      limits: { takeMail: async () => true },
      computeSecret: (id, purpose, keyId) => this.#tokens.secret(id, purpose, keyId),
      ...more,
    };
    const workers = new JobWorkers({
      database,
      clock,
      makeId,
      handlers: [mailHandler(sending)],
      schedules: [],
      logger,
      workerId: makeId(),
      concurrency: 4,
      pollMs: 20,
    });
    workers.start();
    this.#started.push(workers);
    return workers;
  }

  async addRecipient(): Promise<Recipient> {
    const [userId, identifierId] = [this.makeId(), this.makeId()];
    const { key: userKey, wrapped } = this.#keys.createUserKey(userId);
    const email = `ada.${userId}@example.org`;
    const row = { id: userId, name: 'Ada Lovelace', now: this.clock.now(), wrapped, identifierId, email };
    await this.database.run(insertRecipient, row);
    return { userId, identifierId, email, userKey };
  }

  /** Enqueues a mail with a link; `hash` is the stored hash of the link's token. */
  async enqueueLink(
    to: Recipient,
    queries: Queries = this.database,
    locale = 'en',
  ): Promise<{ id: string; hash: Buffer }> {
    const { userId, identifierId, userKey } = to;
    const now = this.clock.now();
    const id = this.#tokens.newId();
    const purpose = 'verify_email';
    const row = this.#tokens.values({ id, purpose, userId, identifierId, authEpoch: 1, sealedPayload: null, now });
    await queries.rows(insertToken, row);
    const params = { name: 'Ada Lovelace' };
    const mail = {
      template: purpose,
      locale,
      userId,
      identifierId,
      tokenId: id,
      params,
      userKey,
      now,
    } as const;
    const values = this.mail.values(mail);
    await enqueueMail(queries, values);
    return { id: values.mailId, hash: row.tokenHash };
  }

  /** Parameters of a mail without a link. */
  noticeValues({ userId, identifierId, userKey }: Recipient) {
    const now = this.clock.now();
    const template = 'already_registered';
    return this.mail.values({ template, locale: 'en', userId, identifierId, tokenId: null, params: {}, userKey, now });
  }

  async stateOf(id: string): Promise<string | undefined> {
    return (await this.database.row(state, { id }))?.state;
  }

  async waitForState(id: string, wanted: string): Promise<void> {
    await eventually(async () => (await this.stateOf(id)) === wanted, { what: `the mail is ${wanted}` });
  }

  /** Waits for the state while the clock skips the delays between attempts. */
  async waitForStateAcrossRetries(id: string, wanted: string): Promise<void> {
    const isInState = async () => {
      await this.skipDelay();
      return (await this.stateOf(id)) === wanted;
    };
    await eventually(isInState, { what: `the mail is ${wanted}` });
  }

  attemptsOf(id: string) {
    return this.database.rows(attempts, { id });
  }

  async outcomesOf(id: string): Promise<string[]> {
    return (await this.attemptsOf(id)).map(({ outcome }) => outcome);
  }

  jobs() {
    return this.database.rows(jobs, {});
  }

  /** Every row of ledger, attempts and jobs, as one text. */
  async allRows(): Promise<string> {
    return (await this.database.rows(everything, {})).map(({ row }) => row).join('\n');
  }

  /** Advances the clock to the next attempt, unless one is in progress: its lease must not expire meanwhile. */
  async skipDelay(): Promise<void> {
    const waiting = (await this.jobs()).filter((job) => job.state === 'queued');
    if (waiting.length === 0 || waiting.some(({ leased }) => leased)) return;
    const nextMs = Math.min(...waiting.map(({ runAt }) => runAt.getTime()));
    this.clock.advance(Math.max(0, nextMs - this.clock.now().getTime()));
  }
}

/** The secret of the link in a message, or an empty text. */
export function secretIn(received: ReceivedMail | undefined): string {
  const raw = (received?.raw ?? '').replaceAll('=\r\n', '').replaceAll('=3D', '=');
  return /https:\/\/auth\.example\.com\/verify-email\?token=(lk_ot_[\w-]+)/.exec(raw)?.[1] ?? '';
}

export function messageIdIn(received: ReceivedMail | undefined): string {
  return /^Message-ID: (.*)$/im.exec(received?.raw ?? '')?.[1]?.trim() ?? '';
}
