/** The handler of the job `mail.send`. */
import { openNewAddress, verificationCode } from '#domain/one-time-tokens/index.ts';
import { assert } from '#kernel/assert.ts';
import { addSeconds } from '#kernel/clock.ts';
import type { JsonValue } from '#platform/database/index.ts';
import type { Catalogues } from '#platform/i18n/index.ts';
import { type BackOff, backOffSeconds, type Job, type JobHandler, type JobOutcome } from '#platform/jobs/index.ts';
import type { Keys, UserKey } from '#platform/keys/index.ts';
import {
  type MailMessage,
  type MailTheme,
  type MailTransport,
  renderBody,
  type SendOutcome,
} from '#platform/mail/index.ts';
import { closeSummary, isAdmitted, type MailAdmission, type WithheldNotices } from './admission.ts';
import {
  beginAttempt,
  countPermanentRejections,
  findLedgerRow,
  finishMail,
  type LedgerRow,
  recordAttempt,
} from './attempts.ts';
import { composeMail, type MailFacts } from './compose.ts';
import { mailJobKind } from './enqueue.ts';
import { openParams } from './sealed-params.ts';
import { isMailTemplate, type MailTemplate, mailTemplates } from './templates.ts';

export interface MailSending extends MailAdmission {
  readonly keys: Pick<Keys, 'unwrapUserKey'>;
  readonly transport: MailTransport;
  readonly catalogues: Catalogues;
  readonly from: MailMessage['from'];
  readonly theme: MailTheme;
  /** The configured origin; the base of every link. */
  readonly publicUrl: string;
  /** Returns the secret of a link, or a code; the same at every call. */
  readonly computeSecret: (tokenId: string, purpose: string, keyId: string) => string;
  /** For the metric `email_jobs_processed_total`. */
  readonly onProcessed?: (template: string, status: MailStatus) => void;
  /** For the metric `mail_delivery_seconds`: the time since the commit of its cause. */
  readonly onDelivered?: (seconds: number) => void;
  /** Called between two steps, so that a test can terminate the process there. */
  readonly faultPoint?: (name: 'mail.before_send' | 'mail.after_accept') => Promise<void> | void;
}

/** The result of one run of the job; a label of the metric. */
export type MailStatus = 'sent' | 'dropped' | 'withheld' | 'refused' | 'failed' | 'in_doubt' | 'unavailable';

/**
 * Fifteen attempts in about a day, so that a server that is repaired the next morning still receives the message. The first
 * delays are short, because a user waits for this mail: a server that rejects every third attempt accepts 998 of 1,000
 * messages within the first minute.
 */
const mailBackOff: BackOff = {
  delaysSeconds: [1, 2, 5, 15, 30, 60, 120, 300, 900, 3_600, 7_200, 14_400, 28_800, 28_800],
  jitter: 0.2,
};
const maxAttempts = mailBackOff.delaysSeconds.length + 1;

/** A 5xx should be final (RFC 5321 §4.2.1), but greylisting and misconfigured servers send it too, so it is retried. */
const maxPermanentRejections = 3;

/** The lease is short, because it is the delay of a message after its worker crashed; a running worker renews it. */
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
  if (row === undefined || ['sent', 'dropped', 'withheld'].includes(row.state)) return { kind: 'done' };
  const { template } = row;
  assert(isMailTemplate(template), `there is no template "${template}"`);
  const withheld = template === 'withheld_notices' ? await closeSummary(deps, mailId, row) : [];
  const message = composeMessage(deps, mailId, { row, template, withheld });
  if (message === null) {
    await finishMail(database, mailId, 'dropped', clock.now());
    deps.onProcessed?.(template, 'dropped');
    return { kind: 'done' };
  }
  const recipient = message.to;
  if (!(await isAdmitted(deps, { mailId, row, template, recipient, userKey: keyOf(deps, row) }))) {
    deps.onProcessed?.(template, 'withheld');
    return { kind: 'done' };
  }
  const unavailableSeconds = transport.unavailableForSeconds();
  if (unavailableSeconds > 0) return waitFor(deps, row, unavailableSeconds);

  const number = await beginAttempt(database, mailId, clock.now());
  await deps.faultPoint?.('mail.before_send');
  const outcome = await transport.send(message, signal);
  if (outcome.kind === 'accepted') await deps.faultPoint?.('mail.after_accept');
  return conclude(deps, { mailId, number, row, job, aborted: signal.aborted }, outcome);
}

function readMailId(payload: JsonValue): string {
  const { mailId } = payload as { readonly mailId?: unknown };
  assert(typeof mailId === 'string', 'a mail job has no mailId');
  return mailId;
}

/** Returns null when the message is obsolete: its user, address or invitation is deleted, or its link is inactive. */
function composeMessage(
  deps: MailSending,
  mailId: string,
  { row, template, withheld }: { row: LedgerRow; template: MailTemplate; withheld: readonly WithheldNotices[] },
): MailMessage | null {
  const key = keyOf(deps, row);
  // Only an invitation has no user. It has no parameters either.
  if (key === null && row.invitationId === null) return null;
  const secret = secretOf(deps, template, row);
  if (secret === 'inactive') return null;
  const address = recipientOf(template, row, key);
  if (address === null) return null;
  const body = composeMail(template, {
    catalogues: deps.catalogues,
    locale: row.locale,
    recipient: address,
    userName: row.userName ?? '',
    params: row.sealedParams === null || key === null ? {} : openParams(key, row.sealedParams, mailId),
    enqueuedAt: row.createdAt,
    withheld,
    ...secret,
  });
  const { from } = deps;
  // The date of the ledger row, so that every attempt sends the same message.
  return {
    from,
    to: address,
    subject: body.subject,
    ...renderBody(body, deps.theme),
    messageId: row.messageId,
    date: row.createdAt,
  };
}

function keyOf(deps: MailSending, { userId, wrappedKey }: LedgerRow): UserKey | null {
  return userId === null || wrappedKey === null ? null : deps.keys.unwrapUserKey(userId, wrappedKey);
}

function recipientOf(template: MailTemplate, row: LedgerRow, key: UserKey | null): string | null {
  if (mailTemplates[template].recipient !== 'new_address') return row.address;
  const { tokenId, tokenSealedPayload } = row;
  if (tokenId === null || tokenSealedPayload === null || key === null) return null;
  return openNewAddress(key, tokenId, tokenSealedPayload).canonical;
}

/** Returns the link or code of the message; `inactive` when the template needs one and its token is not active any more. */
function secretOf(
  deps: MailSending,
  template: MailTemplate,
  row: LedgerRow,
): Pick<MailFacts, 'link' | 'code'> | 'inactive' {
  const { linkPath, hasCode } = mailTemplates[template];
  if (linkPath === null && hasCode === undefined) return { link: null };
  const { tokenId, tokenPurpose, tokenKeyId, tokenExpiresAt: until } = row;
  if (tokenId === null || tokenPurpose === null || tokenKeyId === null || until === null) return 'inactive';
  if (!isActive(row, deps.clock.now())) return 'inactive';
  const text = deps.computeSecret(tokenId, tokenPurpose, tokenKeyId);
  if (linkPath === null) return { link: null, code: { text, until } };
  const url = new URL(linkPath, deps.publicUrl);
  url.searchParams.set('token', text);
  const link = { url: url.href, until };
  if (!hasCodeBesideLink(template, row)) return { link };
  return { link, code: { text: deps.computeSecret(tokenId, verificationCode, tokenKeyId), until } };
}

/** The code works with the ticket of one registration; a link that carries no registration has no such ticket. */
function hasCodeBesideLink(template: MailTemplate, { tokenRegistrationId }: LedgerRow): boolean {
  return mailTemplates[template].hasCodeBesideLink === true && tokenRegistrationId !== null;
}

function isActive({ tokenActive, tokenExpiresAt }: LedgerRow, now: Date): boolean {
  return tokenActive === true && tokenExpiresAt !== null && tokenExpiresAt > now;
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
      await recordAttempt(deps.database, { ...written, ...replyOf(outcome), outcome: 'accepted', state: 'sent' });
      deps.onProcessed?.(row.template, 'sent');
      deps.onDelivered?.((now.getTime() - row.createdAt.getTime()) / 1000);
      return { kind: 'done' };
    case 'refused':
      return concludeRejection(deps, attempt, outcome, now);
    case 'failed':
    case 'in_doubt': {
      const { kind, reason } = outcome;
      await recordAttempt(deps.database, { ...written, outcome: kind, code: null, reply: reason, state: 'queued' });
      deps.onProcessed?.(row.template, kind);
      // The failure is this worker's, which is stopping, and not the server's: another worker retries at once.
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

async function concludeRejection(
  deps: MailSending,
  attempt: Attempt,
  rejection: Extract<SendOutcome, { kind: 'refused' }>,
  now: Date,
): Promise<JobOutcome> {
  const { mailId, number, row, job } = attempt;
  const before = rejection.permanent ? await countPermanentRejections(deps.database, mailId) : 0;
  const isExhausted = rejection.permanent && before + 1 >= maxPermanentRejections;
  const state = isExhausted ? 'failed' : 'queued';
  await recordAttempt(deps.database, { mailId, number, now, ...replyOf(rejection), outcome: 'refused', state });
  deps.onProcessed?.(row.template, 'refused');
  const reason = `refused with ${rejection.code}`;
  return isExhausted ? { kind: 'dead', reason } : retryLater(job, now, reason);
}

function replyOf(outcome: { readonly code: number; readonly reply: string }): { code: number; reply: string } {
  return { code: outcome.code, reply: outcome.reply };
}

function retryLater(job: Job, now: Date, reason: string): JobOutcome {
  return { kind: 'retry', at: addSeconds(now, backOffSeconds(mailBackOff, job.attempt)), reason };
}

function waitFor(deps: MailSending, row: LedgerRow, seconds: number): JobOutcome {
  deps.onProcessed?.(row.template, 'unavailable');
  return { kind: 'wait', at: addSeconds(deps.clock.now(), seconds), reason: 'the mail server is away' };
}
