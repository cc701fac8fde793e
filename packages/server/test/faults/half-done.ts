import type { Client as Database } from 'pg';

type Rule = {
  /** What a row found by `sql` would be. */
  readonly name: string;
  /** Counts breaches. */
  readonly sql: string;
};

/** What one effect writes in several tables is there as a whole or not at all. */
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
    name: 'verified identifiers without a password',
    sql: `select count(*) from identifiers i where i.verified_at is not null
      and not exists (select from passwords p where p.user_id = i.user_id)`,
  },
  {
    name: 'used links of unverified identifiers',
    sql: `select count(*) from one_time_tokens t join identifiers i on i.id = t.identifier_id
      where t.purpose = 'verify_email' and t.outcome = 'used' and i.verified_at is null`,
  },
  {
    name: 'live links of verified identifiers',
    sql: `select count(*) from one_time_tokens t join identifiers i on i.id = t.identifier_id
      where t.purpose = 'verify_email' and t.consumed_at is null and i.verified_at is not null`,
  },
  {
    name: 'links without a mail',
    sql: 'select count(*) from one_time_tokens t where not exists (select from mail_ledger l where l.token_id = t.id)',
  },
  {
    name: 'promised mails without a job',
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
    // The event of a session that goes on as another names both.
    sql: `select count(*) from sessions s where not exists (select from audit_events e where e.session_id = s.id)
      and not exists (select from audit_events e where e.user_id = s.user_id
        and convert_from(e.body, 'UTF8')::jsonb -> 'facts' ->> 'continuedAs' = s.id::text)`,
  },
  {
    name: 'ended sessions that no node hears of',
    sql: `select count(*) from sessions s where s.ended_at is not null
      and not exists (select from revocations e where e.kind = 'session' and e.target = s.id::text)`,
  },
];

/** One sentence for each kind of thing that was found half done. */
export async function findHalfDone(database: Pick<Database, 'query'>): Promise<string[]> {
  const found: string[] = [];
  for (const { name, sql } of rules) {
    const answer = await database.query<{ count: string }>(sql);
    const count = Number(answer.rows[0]?.count);
    if (count > 0) found.push(`${count} ${name}`);
  }
  return found;
}
