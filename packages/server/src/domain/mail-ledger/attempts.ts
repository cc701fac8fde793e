/** The rows of a message and its attempts; an attempt is inserted before it starts and updated with the reply. */
import { outlivesEpoch } from '#domain/one-time-tokens/index.ts';
import { type Queries, statement, type Values } from '#platform/database/index.ts';

const outliving = outlivesEpoch.map((purpose) => `'${purpose}'`).join(', ');

const findMail = statement('mail_ledger.find', {
  lane: 'pool',
  sql: `
    select l.state, l.template, l.locale, l.message_id, l.created_at, l.admitted_at, l.user_id, l.identifier_id, u.name as user_name, l.sealed_params,
      k.wrapped as wrapped_key, l.invitation_id, coalesce(i.canonical, v.canonical) as address,
      coalesce(t.id, v.id) as token_id,
      coalesce(t.purpose, case when v.id is not null then 'invitation' end) as token_purpose,
      coalesce(t.key_id, v.key_id) as token_key_id, coalesce(t.expires_at, v.expires_at) as token_expires_at,
      t.sealed_payload as token_sealed_payload, t.registration_id as token_registration_id,
      case when v.id is not null then v.consumed_at is null
        else t.consumed_at is null and (t.auth_epoch = u.auth_epoch or t.purpose in (${outliving})) end as token_active
    from mail_ledger l
      left join users u on u.id = l.user_id
      left join user_keys k on k.user_id = l.user_id
      left join identifiers i on i.id = l.identifier_id and i.user_id = l.user_id and i.kind = 'email'
      left join one_time_tokens t on t.id = l.token_id
      left join invitations v on v.id = l.invitation_id
    where l.id = :mailId`,
  params: { mailId: 'uuid' },
  columns: {
    state: 'text',
    template: 'text',
    locale: 'text',
    messageId: 'text',
    createdAt: 'timestamptz',
    admittedAt: 'timestamptz?',
    userId: 'uuid?',
    identifierId: 'uuid?',
    userName: 'text?',
    sealedParams: 'bytea?',
    wrappedKey: 'bytea?',
    invitationId: 'uuid?',
    address: 'text?',
    tokenId: 'uuid?',
    tokenPurpose: 'text?',
    tokenKeyId: 'uuid?',
    tokenExpiresAt: 'timestamptz?',
    tokenSealedPayload: 'bytea?',
    tokenRegistrationId: 'uuid?',
    tokenActive: 'bool?',
  },
});

/** A ledger row, joined with its recipient, key and token. */
export type LedgerRow = Values<typeof findMail.columns>;

export function findLedgerRow(queries: Queries, mailId: string): Promise<LedgerRow | undefined> {
  return queries.row(findMail, { mailId });
}

// An earlier attempt in state `sending` belongs to a worker that crashed or lost its lease: the server may have accepted it.
const begin = statement('mail_attempts.begin', {
  lane: 'pool',
  sql: `
    with interrupted as (
      update mail_attempts set outcome = 'in_doubt', finished_at = :now
      where mail_id = :mailId and outcome = 'sending'
    )
    insert into mail_attempts (mail_id, number, started_at, outcome)
    select :mailId, coalesce(max(number), 0) + 1, :now, 'sending' from mail_attempts where mail_id = :mailId
    returning number`,
  params: { mailId: 'uuid', now: 'timestamptz' },
  columns: { number: 'int4' },
});

/**
 * Inserts an attempt in state `sending` and returns its number.
 * Two concurrent workers insert the same number, and the primary key rejects one of them.
 */
export async function beginAttempt(queries: Queries, mailId: string, now: Date): Promise<number> {
  const row = await queries.row(begin, { mailId, now });
  return row?.number ?? 1;
}

// Also updates `in_doubt`: the worker that was presumed dead has received the reply, and it is authoritative.
const record = statement('mail_attempts.record', {
  lane: 'pool',
  idempotent: true,
  sql: `
    with attempt as (
      update mail_attempts set outcome = :outcome, smtp_code = :code, smtp_reply = :reply, finished_at = :now
      where mail_id = :mailId and number = :number and outcome in ('sending', 'in_doubt')
      returning mail_id
    )
    update mail_ledger set state = :state, finished_at = case when :state = 'queued' then null else :now end
    from attempt where mail_ledger.id = attempt.mail_id and mail_ledger.state <> 'sent'`,
  params: {
    outcome: 'text',
    code: 'int4?',
    reply: 'text?',
    now: 'timestamptz',
    mailId: 'uuid',
    number: 'int4',
    state: 'text',
  },
  columns: {},
});

/** The outcome of an attempt and the resulting state of the message. */
export interface AttemptRecord {
  readonly mailId: string;
  readonly number: number;
  readonly now: Date;
  readonly outcome: 'accepted' | 'refused' | 'failed' | 'in_doubt';
  readonly code: number | null;
  readonly reply: string;
  readonly state: 'queued' | 'sent' | 'failed';
}

export async function recordAttempt(queries: Queries, attempt: AttemptRecord): Promise<void> {
  await queries.run(record, { ...attempt });
}

const countRejections = statement('mail_attempts.count_permanent', {
  lane: 'pool',
  sql: `select count(*)::int4 as rejections from mail_attempts
    where mail_id = :mailId and outcome = 'refused' and smtp_code >= 500 and smtp_code <> 503`,
  params: { mailId: 'uuid' },
  columns: { rejections: 'int4' },
});

/** Returns how often the server rejected this message permanently (5xx except 503). */
export async function countPermanentRejections(queries: Queries, mailId: string): Promise<number> {
  return (await queries.row(countRejections, { mailId }))?.rejections ?? 0;
}

const finish = statement('mail_ledger.finish', {
  lane: 'pool',
  idempotent: true,
  sql: `update mail_ledger set state = :state, finished_at = :now where id = :mailId and state in ('queued', 'failed')`,
  params: { state: 'text', now: 'timestamptz', mailId: 'uuid' },
  columns: {},
});

/**
 * Finishes a message without an attempt: `dropped` when it is obsolete, `withheld` beyond a quota of its recipient, `failed`
 * when its attempts are exhausted.
 */
export async function finishMail(
  queries: Queries,
  mailId: string,
  state: 'dropped' | 'withheld' | 'failed',
  now: Date,
): Promise<void> {
  await queries.run(finish, { state, now, mailId });
}
