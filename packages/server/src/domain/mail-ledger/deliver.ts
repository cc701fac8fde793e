/** The job that keeps the promise. */
import { openNewAddress } from '#domain/one-time-tokens/index.ts';
import { assert } from '#kernel/assert.ts';
import { addSeconds, type Clock } from '#kernel/clock.ts';
import type { Database, JsonValue } from '#platform/database/index.ts';
import type { Catalogues } from '#platform/i18n/index.ts';
import { type BackOff, backOffSeconds, type Job, type JobHandler, type JobOutcome } from '#platform/jobs/index.ts';
import type { Keys, UserKey } from '#platform/keys/index.ts';
import { type MailMessage, type MailTransport, renderBody, type SendOutcome } from '#platform/mail/index.ts';
import {
  beginAttempt,
  countPermanentRefusals,
  findLedgerRow,
  finishMail,
  type LedgerRow,
  recordAttempt,
} from './attempts.ts';
import { mailJobKind } from './enqueue.ts';
import { openParams } from './sealed-params.ts';
import { composeMail, isMailTemplate, type MailFacts, type MailTemplate, mailTemplates } from './templates.ts';

/** What sending takes. */
export interface MailSending {
  readonly database: Database;
  readonly clock: Clock;
  readonly keys: Pick<Keys, 'unwrapUserKey'>;
  readonly transport: MailTransport;
  readonly catalogues: Catalogues;
  readonly from: MailMessage['from'];
  /** The configured origin; every link begins with it. */
  readonly publicUrl: string;
  /** The text of a link's secret, or a code; the same at every call. */
  readonly computeSecret: (tokenId: string, purpose: string, keyId: string) => string;
  /** For `email_jobs_processed_total`. */
  readonly onProcessed?: (template: string, status: MailStatus) => void;
  /** Called between two steps by name, so that a proof can kill the process there. */
  readonly faultPoint?: (name: 'mail.before_send' | 'mail.after_accept') => Promise<void> | void;
}

/** What a run of the job came to. */
export type MailStatus = 'sent' | 'dropped' | 'refused' | 'failed' | 'in_doubt' | 'unavailable';

/**
 * About a day in fifteen attempts: a server that is repaired the next morning still gets the mail.
 * The first ones are close together, since a person waits for this mail; even a server that refuses every third attempt
 * gets 998 of 1,000 within the first minute.
 */
const mailBackOff: BackOff = {
  delaysSeconds: [1, 2, 5, 15, 30, 60, 120, 300, 900, 3_600, 7_200, 14_400, 28_800, 28_800],
  jitter: 0.2,
};
const maxAttempts = mailBackOff.delaysSeconds.length + 1;

/** A 5xx should be final (RFC 5321 §4.2.1), but grey-listing and wrong configurations give it too, so it is asked again. */
const maxPermanentRefusals = 3;

/** The handler of `mail.send`. The lease is short because a living worker renews it: after a kill the mail waits this long. */
export function mailHandler(deps: MailSending): JobHandler {
  return {
    kind: mailJobKind,
    maxAttempts,
    leaseSeconds: 15,
    handle: (job, signal) => sendMail(deps, job, signal),
    exhausted: (job) => finishMail(deps.database, readMailId(job.payload), 'failed', deps.clock.now()),
  };
}

async function sendMail(deps: MailSending, job: Job, signal: AbortSignal): Promise<JobOutcome> {
  const { database, clock, transport } = deps;
  const mailId = readMailId(job.payload);
  const row = await findLedgerRow(database, mailId);
  if (row === undefined || row.state === 'sent' || row.state === 'dropped') return { kind: 'done' };
  const mail = prepare(deps, mailId, row);
  if (mail === null) {
    await finishMail(database, mailId, 'dropped', clock.now());
    deps.onProcessed?.(row.template, 'dropped');
    return { kind: 'done' };
  }
  const awaySeconds = transport.unavailableForSeconds();
  if (awaySeconds > 0) return waitFor(deps, row, awaySeconds);

  const number = await beginAttempt(database, mailId, clock.now());
  await deps.faultPoint?.('mail.before_send');
  const outcome = await transport.send(mail, signal);
  if (outcome.kind === 'accepted') await deps.faultPoint?.('mail.after_accept');
  return conclude(deps, { mailId, number, row, job, aborted: signal.aborted }, outcome);
}

function readMailId(payload: JsonValue): string {
  const { mailId } = payload as { readonly mailId?: unknown };
  assert(typeof mailId === 'string', 'a mail job names no mail');
  return mailId;
}

/** The message, or null when there is nothing to send any more: the person, the address or the link is gone. */
function prepare(deps: MailSending, mailId: string, row: LedgerRow): MailMessage | null {
  const { template } = row;
  assert(isMailTemplate(template), `there is no mail "${template}"`);
  const key = keyOf(deps, row);
  // Only an invitation goes to somebody who is no user; it has no parameters.
  if (key === null && row.invitationId === null) return null;
  const secret = secretOf(deps, template, row);
  if (secret === 'dead') return null;
  const address = recipientOf(template, row, key);
  if (address === null) return null;
  const body = composeMail(template, {
    catalogues: deps.catalogues,
    locale: row.locale,
    service: new URL(deps.publicUrl).host,
    userName: row.userName ?? '',
    params: row.sealedParams === null || key === null ? {} : openParams(key, row.sealedParams, mailId),
    enqueuedAt: row.createdAt,
    ...secret,
  });
  const { from } = deps;
  // The date is the promise's, so that a repeated message is the same message.
  return {
    from,
    to: address,
    subject: body.subject,
    ...renderBody(body),
    messageId: row.messageId,
    date: row.createdAt,
  };
}

function keyOf(deps: MailSending, { userId, wrappedKey }: LedgerRow): UserKey | null {
  return userId === null || wrappedKey === null ? null : deps.keys.unwrapUserKey(userId, wrappedKey);
}

function recipientOf(template: MailTemplate, row: LedgerRow, key: UserKey | null): string | null {
  if (mailTemplates[template].to !== 'address_that_the_link_proves') return row.address;
  const { tokenId, tokenSealedPayload } = row;
  if (tokenId === null || tokenSealedPayload === null || key === null) return null;
  return openNewAddress(key, tokenId, tokenSealedPayload).canonical;
}

/** The link or the code that the mail brings, if it brings one. */
function secretOf(
  deps: MailSending,
  template: MailTemplate,
  row: LedgerRow,
): Pick<MailFacts, 'link' | 'code'> | 'dead' {
  const { linkPath, bringsCode } = mailTemplates[template];
  if (linkPath === null && bringsCode === undefined) return { link: null };
  const { tokenId, tokenPurpose, tokenKeyId, tokenExpiresAt, tokenAlive } = row;
  if (tokenId === null || tokenPurpose === null || tokenKeyId === null || tokenExpiresAt === null) return 'dead';
  if (tokenAlive !== true || tokenExpiresAt.getTime() <= deps.clock.now().getTime()) return 'dead';
  const text = deps.computeSecret(tokenId, tokenPurpose, tokenKeyId);
  if (linkPath === null) return { link: null, code: { text, until: tokenExpiresAt } };
  const url = new URL(linkPath, deps.publicUrl);
  url.searchParams.set('token', text);
  return { link: { url: url.href, until: tokenExpiresAt } };
}

interface Attempt {
  readonly mailId: string;
  readonly number: number;
  readonly row: LedgerRow;
  readonly job: Job;
  readonly aborted: boolean;
}

async function conclude(deps: MailSending, attempt: Attempt, outcome: SendOutcome): Promise<JobOutcome> {
  const { mailId, number, row, job } = attempt;
  const now = deps.clock.now();
  const written = { mailId, number, now };
  switch (outcome.kind) {
    case 'accepted':
      await recordAttempt(deps.database, { ...written, ...answerOf(outcome), outcome: 'accepted', state: 'sent' });
      deps.onProcessed?.(row.template, 'sent');
      return { kind: 'done' };
    case 'refused':
      return concludeRefusal(deps, attempt, outcome, now);
    case 'failed':
    case 'in_doubt': {
      const { kind, reason } = outcome;
      await recordAttempt(deps.database, { ...written, outcome: kind, code: null, reply: reason, state: 'queued' });
      deps.onProcessed?.(row.template, kind);
      // A worker that stops hands the mail on at once; the server has done nothing wrong.
      return attempt.aborted ? { kind: 'retry', at: now, reason: 'stopped' } : retryLater(job, now, reason);
    }
    case 'unavailable':
      await recordAttempt(deps.database, {
        ...written,
        outcome: 'failed',
        code: null,
        reply: 'not tried: the server is away',
        state: 'queued',
      });
      return waitFor(deps, row, outcome.retryAfterSeconds);
  }
}

async function concludeRefusal(
  deps: MailSending,
  attempt: Attempt,
  refusal: Extract<SendOutcome, { kind: 'refused' }>,
  now: Date,
): Promise<JobOutcome> {
  const { mailId, number, row, job } = attempt;
  const before = refusal.permanent ? await countPermanentRefusals(deps.database, mailId) : 0;
  const givenUp = refusal.permanent && before + 1 >= maxPermanentRefusals;
  const state = givenUp ? 'failed' : 'queued';
  await recordAttempt(deps.database, { mailId, number, now, ...answerOf(refusal), outcome: 'refused', state });
  deps.onProcessed?.(row.template, 'refused');
  const reason = `refused with ${refusal.code}`;
  return givenUp ? { kind: 'dead', reason } : retryLater(job, now, reason);
}

function answerOf(outcome: { readonly code: number; readonly reply: string }): { code: number; reply: string } {
  return { code: outcome.code, reply: outcome.reply };
}

function retryLater(job: Job, now: Date, reason: string): JobOutcome {
  return { kind: 'retry', at: addSeconds(now, backOffSeconds(mailBackOff, job.attempt)), reason };
}

function waitFor(deps: MailSending, row: LedgerRow, seconds: number): JobOutcome {
  deps.onProcessed?.(row.template, 'unavailable');
  return { kind: 'wait', at: addSeconds(deps.clock.now(), seconds), reason: 'the mail server is away' };
}
