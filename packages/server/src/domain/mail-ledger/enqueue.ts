/** Enqueuing a mail: ledger row and job, as a statement of a transaction or as a fragment of a composed statement. */
import type { MakeId } from '#kernel/ids.ts';
import { type Fragment, type Queries, statement, type Values } from '#platform/database/index.ts';
import { enqueueFragment } from '#platform/jobs/index.ts';
import type { UserKey } from '#platform/keys/index.ts';
import { paramsAssociatedData } from './sealed-params.ts';
import type { MailParams, MailTemplate } from './templates.ts';

/** The kind of the job that sends. */
export const mailJobKind = 'mail.send';

export interface QueuedMail<T extends MailTemplate = MailTemplate> {
  readonly template: T;
  readonly locale: string;
  readonly userId: string;
  /** The identifier of the recipient; null for a template that goes to the address which its link proves. */
  readonly identifierId: string | null;
  /** The token of its link, if the template has one. */
  readonly tokenId: string | null;
  readonly params: MailParams[T];
  readonly userKey: UserKey;
  readonly now: Date;
  /** Whether the quotas of its recipient were already taken. */
  readonly isAdmitted?: true;
}

/** The CTE `mailjob`: the job of the mail that the CTE `mailed` inserts. */
export const mailJob = enqueueFragment({
  as: 'mailjob',
  kind: mailJobKind,
  from: 'mailed',
  payload: `jsonb_build_object('mailId', mailed.id)`,
});

const params = {
  mailId: 'uuid',
  mailUserId: 'uuid?',
  mailIdentifierId: 'uuid?',
  mailTemplate: 'text',
  mailLocale: 'text',
  mailTokenId: 'uuid?',
  mailSealedParams: 'bytea?',
  mailMessageId: 'text',
  mailNow: 'timestamptz',
  mailAdmittedAt: 'timestamptz?',
  ...mailJob.params,
} as const;

/** A mail as parameters, from `MailLedger.values`. */
export type MailValues = Values<typeof params>;

/** The CTEs `mailed` and `mailjob`: one mail if the CTE `from` has a row. */
export function enqueueMailFragment(from: string): Fragment<typeof params> {
  return {
    sql: `mailed as (
      insert into mail_ledger (id, user_id, identifier_id, template, locale, token_id, sealed_params, message_id,
        created_at, admitted_at)
      select :mailId, :mailUserId, :mailIdentifierId, :mailTemplate, :mailLocale, :mailTokenId, :mailSealedParams,
        :mailMessageId, :mailNow, :mailAdmittedAt
      from (select from ${from} limit 1) as cause
      returning id), ${mailJob.sql}`,
    params,
  };
}

const promised = enqueueMailFragment('cause');

const promise = statement('mail_ledger.enqueue', {
  lane: 'pool',
  sql: `with cause as (select 1 as one), ${promised.sql} select id from mailed`,
  params: promised.params,
  columns: { id: 'uuid' },
  after: { wakesWorkers: true },
});

/** Converts mails to parameters of statements. */
export class MailLedger {
  readonly #makeId: MakeId;
  readonly #messageIdHost: string;

  /** @param deps `publicUrl`: the configured origin; each Message-ID contains its host. */
  constructor(deps: { readonly makeId: MakeId; readonly publicUrl: string }) {
    this.#makeId = deps.makeId;
    const host = new URL(deps.publicUrl).hostname;
    // An IPv6 host has brackets and colons, which RFC 5322 §3.6.4 reserves for the literal form.
    this.#messageIdHost = host.startsWith('[') ? 'localhost' : host;
  }

  /** The values of `enqueueMailFragment`. `mailId`: the id of the causing job, when that can run again. */
  values<T extends MailTemplate>(mail: QueuedMail<T>, mailId = this.#makeId()) {
    const text = JSON.stringify(mail.params);
    return {
      mailId,
      mailUserId: mail.userId,
      mailIdentifierId: mail.identifierId,
      mailTemplate: mail.template,
      mailLocale: mail.locale,
      mailTokenId: mail.tokenId,
      mailSealedParams: text === '{}' ? null : mail.userKey.seal(text, paramsAssociatedData(mailId)),
      mailMessageId: `<${mailId}@${this.#messageIdHost}>`,
      mailNow: mail.now,
      mailAdmittedAt: mail.isAdmitted === true ? mail.now : null,
      ...mailJob.values({ id: this.#makeId(), now: mail.now }),
    };
  }

  /** The values of `enqueueInvitationMail`. */
  invitationValues({ invitationId, locale, now }: { invitationId: string; locale: string; now: Date }) {
    const mailId = this.#makeId();
    return {
      mailId,
      mailInvitationId: invitationId,
      mailTemplate: 'invitation',
      mailLocale: locale,
      mailMessageId: `<${mailId}@${this.#messageIdHost}>`,
      mailNow: now,
      ...mailJob.values({ id: this.#makeId(), now }),
    };
  }
}

const findQueued = statement('mail_ledger.find_queued', {
  lane: 'pool',
  sql: `select id from mail_ledger where id = :id`,
  params: { id: 'uuid' },
  columns: { id: 'uuid' },
});

/** Whether a mail with this id exists, so that a job that runs again enqueues nothing twice. */
export async function isQueued(tx: Queries, id: string): Promise<boolean> {
  return (await tx.row(findQueued, { id })) !== undefined;
}

/** Enqueues a mail in the transaction of an effect, from `MailLedger.values`. */
export async function enqueueMail(tx: Queries, values: MailValues): Promise<void> {
  await tx.rows(promise, values);
}
