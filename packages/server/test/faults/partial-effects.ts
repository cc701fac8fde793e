import type { Client as Database } from 'pg';

type Rule = {
  /** The rows that `sql` counts. */
  readonly name: string;
  /** Counts violations. */
  readonly sql: string;
};

/** An effect that writes to several tables is complete or absent. */
const rules: readonly Rule[] = [
  {
    name: 'users without a key',
    sql: 'select count(*) from users u where not exists (select from user_keys k where k.user_id = u.id)',
  },
  {
    name: 'users without an identifier',
    sql: 'select count(*) from users u where not exists (select from identifiers i where i.user_id = u.id)',
  },
  {
    name: 'users without an audit event',
    sql: 'select count(*) from users u where not exists (select from audit_events e where e.user_id = u.id)',
  },
  {
    // An operator may create a user without one.
    name: 'identifiers verified by their owner without a password or an identity',
    sql: `select count(*) from identifiers i where i.verified_at is not null
      and not exists (select from passwords p where p.user_id = i.user_id)
      and not exists (select from federated_identities f where f.user_id = i.user_id)
      and not exists (select from audit_events e where e.user_id = i.user_id and e.action = 'user.created')`,
  },
  {
    name: 'consumed links of unverified identifiers',
    sql: `select count(*) from one_time_tokens t join identifiers i on i.id = t.identifier_id
      where t.purpose = 'verify_email' and t.outcome = 'used' and i.verified_at is null`,
  },
  {
    name: 'valid links of verified identifiers',
    sql: `select count(*) from one_time_tokens t join identifiers i on i.id = t.identifier_id
      where t.purpose = 'verify_email' and t.consumed_at is null and i.verified_at is not null`,
  },
  {
    // An operator hands the links of the purpose `setup` over.
    name: 'links without a mail',
    sql: `select count(*) from one_time_tokens t where t.purpose <> 'setup'
      and not exists (select from mail_ledger l where l.token_id = t.id)`,
  },
  {
    name: 'queued mails without a job',
    sql: `select count(*) from mail_ledger l where l.state = 'queued'
      and not exists (select from jobs j where j.payload ->> 'mailId' = l.id::text)`,
  },
  {
    name: 'token sessions without a family',
    sql: `select count(*) from sessions s where s.transport = 'token'
      and not exists (select from refresh_families f where f.session_id = s.id)`,
  },
  {
    name: 'families without exactly one unused token',
    sql: `select count(*) from refresh_families f
      where (select count(*) from refresh_tokens t where t.family_id = f.id and t.consumed_at is null) <> 1`,
  },
  {
    name: 'sessions without an audit event',
    // The event of a session that continues another names both sessions.
    sql: `select count(*) from sessions s where not exists (select from audit_events e where e.session_id = s.id)
      and not exists (select from audit_events e where e.user_id = s.user_id
        and convert_from(e.body, 'UTF8')::jsonb -> 'facts' ->> 'continuedAs' = s.id::text)`,
  },
  {
    name: 'ended sessions without a revocation',
    sql: `select count(*) from sessions s where s.ended_at is not null
      and not exists (select from revocations e where e.kind = 'session' and e.target = s.id::text)`,
  },
];

/** Returns a sentence for each kind of partial effect. */
export async function findPartialEffects(database: Pick<Database, 'query'>): Promise<string[]> {
  const found: string[] = [];
  for (const { name, sql } of rules) {
    const result = await database.query<{ count: string }>(sql);
    const count = Number(result.rows[0]?.count);
    if (count > 0) found.push(`${count} ${name}`);
  }
  return found;
}
