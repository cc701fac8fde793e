/**
 * Which mails are sent. A mail that a stranger can cause has quotas per recipient, and is withheld beyond them. Of notices
 * the first ten in an hour are sent; the others are withheld and listed in one summary, so that none is lost.
 * Example: 150 sign-ins from unknown devices between 10:00 and 10:59 send ten notices and, an hour after the eleventh, a
 * summary with "140 × New sign-in to your account".
 */
import { addSeconds, type Clock } from '#kernel/clock.ts';
import type { MakeId } from '#kernel/ids.ts';
import { type Database, type Queries, statement } from '#platform/database/index.ts';
import type { UserKey } from '#platform/keys/index.ts';
import type { RateLimits } from '#platform/rate-limit/index.ts';
import { finishMail, type LedgerRow } from './attempts.ts';
import { enqueueMail, type MailLedger } from './enqueue.ts';
import { type MailTemplate, mailTemplates } from './templates.ts';

/** Dependencies of the decision. */
export interface MailAdmission {
  readonly database: Database;
  readonly clock: Clock;
  readonly makeId: MakeId;
  readonly mail: MailLedger;
  readonly limits: Pick<RateLimits, 'takeMail'>;
}

const noticesPerHour = 10;
const summaryDelaySeconds = 60 * 60;

const notices = Object.entries(mailTemplates)
  .filter(([, { quota }]) => quota === 'notice')
  .map(([template]) => `'${template}'`)
  .join(', ');

// Serializes the decisions about one user's notices on all nodes.
const lockUser = statement('mail_ledger.lock_user', {
  lane: 'pool',
  sql: 'select id from users where id = :userId for no key update',
  params: { userId: 'uuid' },
  columns: { id: 'uuid' },
});

const admit = statement('mail_ledger.admit', {
  lane: 'pool',
  idempotent: true,
  sql: 'update mail_ledger set admitted_at = :now where id = :mailId and admitted_at is null',
  params: { mailId: 'uuid', now: 'timestamptz' },
  columns: {},
});

const admitNotice = statement('mail_ledger.admit_notice', {
  lane: 'pool',
  sql: `update mail_ledger l set admitted_at = :now where l.id = :mailId and ${noticesPerHour} > (
      select count(*) from mail_ledger other where other.user_id = :userId and other.template in (${notices})
        and other.admitted_at > :now::timestamptz - interval '1 hour')
    returning l.id`,
  params: { mailId: 'uuid', userId: 'uuid', now: 'timestamptz' },
  columns: { id: 'uuid' },
});

// A summary is open until it is admitted.
const withhold = statement('mail_ledger.withhold_notice', {
  lane: 'pool',
  sql: `update mail_ledger l set state = 'withheld', finished_at = :now, summary_id = coalesce(
      (select open.id from mail_ledger open where open.user_id = :userId and open.template = 'withheld_notices'
        and open.state = 'queued' and open.admitted_at is null limit 1), :newSummaryId)
    where l.id = :mailId
    returning l.summary_id`,
  params: { mailId: 'uuid', userId: 'uuid', newSummaryId: 'uuid', now: 'timestamptz' },
  columns: { summaryId: 'uuid?' },
});

const countWithheld = statement('mail_ledger.count_withheld', {
  lane: 'pool',
  sql: `select template, count(*)::int4 as count from mail_ledger where summary_id = :summaryId
    group by template order by template`,
  params: { summaryId: 'uuid' },
  columns: { template: 'text', count: 'int4' },
});

/** The mail that a worker is about to send for the first time. */
export interface Candidate {
  readonly mailId: string;
  readonly row: LedgerRow;
  readonly template: MailTemplate;
  /** The recipient in canonical form. */
  readonly recipient: string;
  readonly userKey: UserKey | null;
}

/** Decides once for each mail whether it is sent. A withheld one is finished. */
export async function isAdmitted(deps: MailAdmission, candidate: Candidate): Promise<boolean> {
  const { mailId, row, template, recipient } = candidate;
  if (row.admittedAt !== null) return true;
  const { quota } = mailTemplates[template];
  if (quota === 'notice') return admitOrWithhold(deps, candidate);
  const now = deps.clock.now();
  if (quota === 'requested' && !(await deps.limits.takeMail({ kind: template, recipient, fromKnownDevice: false }))) {
    await finishMail(deps.database, mailId, 'withheld', now);
    return false;
  }
  await deps.database.run(admit, { mailId, now });
  return true;
}

async function admitOrWithhold(deps: MailAdmission, { mailId, row, userKey }: Candidate): Promise<boolean> {
  const { userId } = row;
  if (userId === null || userKey === null) return true;
  const now = deps.clock.now();
  const mail = {
    template: 'withheld_notices',
    locale: row.locale,
    userId,
    identifierId: row.identifierId,
    tokenId: null,
    params: {},
    userKey,
    now,
  } as const;
  const summary = deps.mail.values(mail);
  return deps.database.transaction(async (tx) => {
    await tx.row(lockUser, { userId });
    if ((await tx.row(admitNotice, { mailId, userId, now })) !== undefined) return true;
    const withheld = await tx.row(withhold, { mailId, userId, newSummaryId: summary.mailId, now });
    if (withheld?.summaryId === summary.mailId) {
      await enqueueMail(tx, { ...summary, mailjobNow: addSeconds(now, summaryDelaySeconds) });
    }
    return false;
  });
}

/** A kind of notice that a summary lists. */
export interface WithheldNotices {
  readonly template: string;
  readonly count: number;
}

/** Closes a summary, so that later notices begin another one, and returns what it lists. */
export async function closeSummary(
  deps: MailAdmission,
  mailId: string,
  { userId }: LedgerRow,
): Promise<readonly WithheldNotices[]> {
  if (userId === null) return [];
  const now = deps.clock.now();
  await deps.database.transaction(async (tx: Queries) => {
    await tx.row(lockUser, { userId });
    await tx.run(admit, { mailId, now });
  });
  return deps.database.rows(countWithheld, { summaryId: mailId });
}
