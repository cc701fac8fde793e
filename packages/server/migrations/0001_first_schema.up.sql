-- expand: new tables only, so every release runs on this schema.
-- Decisions that would be expensive to change later: identifiers are separate from users, the user has an epoch, every
-- session and family has a client, revocations form a feed, each user has a key, audit events are stored as bytes.
-- States that a statement decides by are lists. Other kinds only follow a naming rule, so that a new kind needs no
-- migration (ADR 0029).

create table deployment (
  id uuid not null,
  -- Written after a restore, so that running nodes read everything again.
  incarnation uuid not null,
  global_epoch integer not null default 1,
  only_row boolean not null default true,
  constraint deployment_pkey primary key (id),
  constraint deployment_one_row unique (only_row),
  constraint deployment_only_row_true check (only_row)
);
insert into deployment (id, incarnation) values (gen_random_uuid(), gen_random_uuid());

-- Data keys, wrapped by the key-encryption key (KEK), which is never in the database.
create table data_keys (
  id uuid not null,
  purpose text not null,
  -- The month of a key that is used for one month only, otherwise empty.
  period text not null default '',
  state text not null,
  wrapped bytea not null,
  kek_id text not null,
  created_at timestamptz not null,
  retired_at timestamptz,
  constraint data_keys_pkey primary key (id),
  constraint data_keys_purpose_named check (purpose ~ '^[a-z][a-z0-9_]*(\.[a-z0-9_]+)*$'),
  constraint data_keys_state_known check (state in ('current', 'retired')),
  constraint data_keys_retired_has_time check ((state = 'retired') = (retired_at is not null))
);
create unique index data_keys_current on data_keys (purpose, period) where state = 'current';

create table users (
  id uuid not null,
  kind text not null default 'person',
  -- The JWT `sub`. Imported users keep theirs.
  subject text not null,
  status text not null default 'active',
  -- Raised to invalidate every earlier session, token and link, which carry the epoch they were issued in (invariant 4).
  auth_epoch integer not null default 1,
  name text not null default '',
  locale text not null default 'en',
  public_metadata jsonb not null default '{}',
  private_metadata jsonb not null default '{}',
  created_at timestamptz not null,
  updated_at timestamptz not null,
  disabled_at timestamptz,
  -- When a user with a pending deletion is erased.
  deletes_at timestamptz,
  constraint users_pkey primary key (id),
  constraint users_subject_unique unique (subject),
  constraint users_kind_known check (kind in ('person', 'service')),
  constraint users_status_known check (status in ('active', 'disabled', 'pending_deletion')),
  constraint users_pending_deletion_has_time check (status <> 'pending_deletion' or deletes_at is not null),
  constraint users_auth_epoch_positive check (auth_epoch > 0),
  constraint users_public_metadata_bounded check (octet_length(public_metadata::text) <= 8192),
  constraint users_private_metadata_bounded check (octet_length(private_metadata::text) <= 8192)
);
create index users_created_at on users (created_at, id);
create index users_deletes_at on users (deletes_at) where status = 'pending_deletion';

-- Subjects that no user may have again, as HMACs: an import can look a subject up, and a dump does not reveal any.
create table erased_subjects (
  key_id uuid not null,
  subject_hmac bytea not null,
  erased_at timestamptz not null,
  constraint erased_subjects_pkey primary key (key_id, subject_hmac)
);

-- Deleting a row erases the user: data that the key encrypted can never be read again.
create table user_keys (
  user_id uuid not null,
  wrapped bytea not null,
  created_at timestamptz not null,
  constraint user_keys_pkey primary key (user_id),
  constraint user_keys_user_fkey foreign key (user_id) references users (id) on delete cascade
);

-- Keys of applicants whom the registration hook did not admit, and who have no user. The id is that of the audit event whose
-- personal fields the key encrypts. The row is deleted after 90 days, or when a user with the address is erased.
create table applicant_keys (
  id uuid not null,
  -- HMAC of the canonical address, and the key that computed it.
  address_hmac bytea not null,
  hmac_key_id uuid not null,
  wrapped bytea not null,
  created_at timestamptz not null,
  constraint applicant_keys_pkey primary key (id)
);
create index applicant_keys_address on applicant_keys (address_hmac);
create index applicant_keys_created_at on applicant_keys (created_at);

create table identifiers (
  id uuid not null,
  user_id uuid not null,
  kind text not null,
  as_typed text not null,
  canonical text not null,
  is_primary boolean not null,
  verified_at timestamptz,
  -- A replaced address is held for its user until the link that undoes the change has expired: no other user can claim
  -- it, and it cannot log in.
  held_until timestamptz,
  created_at timestamptz not null,
  constraint identifiers_pkey primary key (id),
  constraint identifiers_user_fkey foreign key (user_id) references users (id) on delete cascade,
  constraint identifiers_canonical_unique unique (kind, canonical),
  constraint identifiers_held_is_not_primary check (held_until is null or not is_primary),
  constraint identifiers_kind_named check (kind ~ '^[a-z][a-z0-9_]*(\.[a-z0-9_]+)*$')
);
create unique index identifiers_primary on identifiers (user_id, kind) where is_primary;
create index identifiers_user on identifiers (user_id);
create index identifiers_unverified on identifiers (created_at) where verified_at is null;
create index identifiers_held_until on identifiers (held_until) where held_until is not null;

create table passwords (
  user_id uuid not null,
  -- The PHC string, encrypted under the data key `password`: a dump without the KEK contains no hash to attack.
  sealed_phc bytea not null,
  must_change boolean not null default false,
  changed_at timestamptz not null,
  constraint passwords_pkey primary key (user_id),
  constraint passwords_user_fkey foreign key (user_id) references users (id) on delete cascade
);

-- Consecutive failed attempts, counted before the secret is compared (invariant 2). The key is the user's id or, without
-- a user, an HMAC of the canonical identifier, so that the delays do not reveal which identifiers exist.
create table attempt_counters (
  kind text not null,
  key bytea not null,
  known boolean not null,
  failures integer not null,
  last_failed_at timestamptz not null,
  constraint attempt_counters_pkey primary key (kind, key),
  constraint attempt_counters_kind_named check (kind ~ '^[a-z][a-z0-9_]*(\.[a-z0-9_]+)*$')
);
create index attempt_counters_unknown on attempt_counters (last_failed_at) where not known;

-- Used quotas that all nodes share. Unlogged: a crash of PostgreSQL loses at most one window, a crash of ours nothing.
create unlogged table rate_limit_counters (
  key bytea not null,
  hits integer not null,
  ends_at timestamptz not null,
  constraint rate_limit_counters_pkey primary key (key)
);
create index rate_limit_counters_ends_at on rate_limit_counters (ends_at);

create table clients (
  id text not null,
  kind text not null,
  name text not null,
  redirect_uris text[] not null default '{}',
  origins text[] not null default '{}',
  -- The `aud` of access tokens; empty for the issuer.
  audience text not null default '',
  access_token_lifetime_seconds integer not null default 900,
  refresh_token_lifetime_seconds integer not null default 604800,
  refresh_grace_seconds integer not null default 10,
  session_idle_seconds integer not null default 604800,
  session_lifetime_seconds integer not null default 2592000,
  created_at timestamptz not null,
  constraint clients_pkey primary key (id),
  constraint clients_kind_known check (kind in ('first_party', 'public', 'confidential')),
  constraint clients_lifetimes_positive check (
    access_token_lifetime_seconds > 0 and refresh_token_lifetime_seconds > 0 and refresh_grace_seconds >= 0
    and session_idle_seconds > 0 and session_lifetime_seconds > 0
  ),
  -- Revocations and retired signing keys are kept this long: domain/clients.
  constraint clients_access_token_lifetime_bounded check (access_token_lifetime_seconds <= 3600)
);

-- Devices that a user has logged in from. A device token is signed and contains the row's id.
create table devices (
  id uuid not null,
  user_id uuid not null,
  auth_epoch integer not null,
  created_at timestamptz not null,
  last_used_at timestamptz not null,
  expires_at timestamptz not null,
  constraint devices_pkey primary key (id),
  constraint devices_user_fkey foreign key (user_id) references users (id) on delete cascade
);
create index devices_user on devices (user_id);
create index devices_expires_at on devices (expires_at);

create table sessions (
  id uuid not null,
  user_id uuid not null,
  client_id text not null,
  device_id uuid,
  auth_epoch integer not null,
  transport text not null,
  -- SHA-256 of the cookie's token; null for a session that is only presented by access tokens.
  token_hash bytea,
  amr text[] not null,
  acr text not null,
  auth_time timestamptz not null,
  -- When each factor was last proven: {"pwd": "2026-01-01T00:00:00.000Z"}.
  factor_times jsonb not null,
  -- Client address and user agent, encrypted under the user's key.
  sealed_client_info bytea,
  created_at timestamptz not null,
  last_seen_at timestamptz not null,
  idle_expires_at timestamptz not null,
  expires_at timestamptz not null,
  ended_at timestamptz,
  end_reason text,
  constraint sessions_pkey primary key (id),
  constraint sessions_user_fkey foreign key (user_id) references users (id) on delete cascade,
  constraint sessions_client_fkey foreign key (client_id) references clients (id) on delete cascade,
  constraint sessions_device_fkey foreign key (device_id) references devices (id) on delete set null,
  constraint sessions_token_hash_unique unique (token_hash),
  constraint sessions_transport_known check (transport in ('cookie', 'token')),
  constraint sessions_end_has_reason check ((ended_at is null) = (end_reason is null))
  -- Room on each page for the frequent updates of `last_seen_at` and `idle_expires_at`. No index may contain these two
  -- columns: then PostgreSQL updates only the row (HOT) and no index.
) with (fillfactor = 80);
create index sessions_user on sessions (user_id, created_at);
create index sessions_device on sessions (device_id);
create index sessions_client on sessions (client_id);
create index sessions_expires_at on sessions (expires_at);
create index sessions_ended_at on sessions (ended_at) where ended_at is not null;

create table refresh_families (
  id uuid not null,
  session_id uuid not null,
  client_id text not null,
  user_id uuid not null,
  auth_epoch integer not null,
  created_at timestamptz not null,
  ended_at timestamptz,
  end_reason text,
  constraint refresh_families_pkey primary key (id),
  constraint refresh_families_session_fkey foreign key (session_id) references sessions (id) on delete cascade,
  constraint refresh_families_client_fkey foreign key (client_id) references clients (id) on delete cascade,
  constraint refresh_families_user_fkey foreign key (user_id) references users (id) on delete cascade,
  constraint refresh_families_end_has_reason check ((ended_at is null) = (end_reason is null))
);
create index refresh_families_session on refresh_families (session_id);
create index refresh_families_client on refresh_families (client_id);
create index refresh_families_user on refresh_families (user_id);

-- Refresh tokens are not stored. A row has the token's SHA-256 and the id of the key that computes its successor.
create table refresh_tokens (
  hash bytea not null,
  family_id uuid not null,
  issued_at timestamptz not null,
  expires_at timestamptz not null,
  uses integer not null default 0,
  consumed_at timestamptz,
  successor_key_id uuid,
  constraint refresh_tokens_pkey primary key (hash),
  constraint refresh_tokens_family_fkey foreign key (family_id) references refresh_families (id) on delete cascade,
  constraint refresh_tokens_consumed_has_key check ((consumed_at is null) = (successor_key_id is null))
);
create index refresh_tokens_family on refresh_tokens (family_id);
create index refresh_tokens_expires_at on refresh_tokens (expires_at);

-- Logins in progress, with the factors proven so far. A login is not a session (invariant 3).
create table logins (
  id uuid not null,
  ticket_hash bytea not null,
  client_id text not null,
  user_id uuid,
  auth_epoch integer,
  transport text not null,
  proven jsonb not null,
  created_at timestamptz not null,
  expires_at timestamptz not null,
  consumed_at timestamptz,
  constraint logins_pkey primary key (id),
  constraint logins_ticket_hash_unique unique (ticket_hash),
  constraint logins_client_fkey foreign key (client_id) references clients (id) on delete cascade,
  constraint logins_user_fkey foreign key (user_id) references users (id) on delete cascade,
  constraint logins_transport_known check (transport in ('cookie', 'token')),
  constraint logins_user_has_epoch check ((user_id is null) = (auth_epoch is null))
);
create index logins_user on logins (user_id);
create index logins_client on logins (client_id);
create index logins_expires_at on logins (expires_at);

-- Mailed links and codes. The secret is computed from the row's id when the mail is rendered.
create table one_time_tokens (
  id uuid not null,
  purpose text not null,
  hash bytea not null,
  key_id uuid not null,
  user_id uuid not null,
  identifier_id uuid,
  auth_epoch integer not null,
  -- Encrypted payload; for a registration its password hash and name.
  sealed_payload bytea,
  -- SHA-256 of the secret of the browser that requested a login link or code, which alone can use it.
  browser_hash bytea,
  -- Tries of a code, wrong and right ones; their number is limited.
  tries integer not null default 0,
  created_at timestamptz not null,
  expires_at timestamptz not null,
  consumed_at timestamptz,
  -- used; replaced: revoked by another token or effect; disowned: the recipient reported that it was not requested.
  outcome text,
  constraint one_time_tokens_pkey primary key (id),
  constraint one_time_tokens_hash_unique unique (hash),
  constraint one_time_tokens_user_fkey foreign key (user_id) references users (id) on delete cascade,
  constraint one_time_tokens_identifier_fkey foreign key (identifier_id) references identifiers (id) on delete cascade,
  constraint one_time_tokens_purpose_named check (purpose ~ '^[a-z][a-z0-9_]*(\.[a-z0-9_]+)*$'),
  constraint one_time_tokens_outcome_known check (outcome in ('used', 'replaced', 'disowned')),
  constraint one_time_tokens_consumed_has_outcome check ((consumed_at is null) = (outcome is null))
);
create index one_time_tokens_user on one_time_tokens (user_id, purpose);
create index one_time_tokens_identifier on one_time_tokens (identifier_id);
create index one_time_tokens_expires_at on one_time_tokens (expires_at);

create table signing_keys (
  kid text not null,
  algorithm text not null,
  state text not null,
  public_jwk jsonb not null,
  -- PKCS #8, encrypted under the data key `signing_key`; null after retirement.
  sealed_private_key bytea,
  created_at timestamptz not null,
  activated_at timestamptz,
  retired_at timestamptz,
  -- A retired key stays in the JWKS until the last token that it signed has expired.
  published_until timestamptz,
  constraint signing_keys_pkey primary key (kid),
  constraint signing_keys_algorithm_known check (algorithm in ('ES256', 'EdDSA', 'RS256')),
  constraint signing_keys_state_known check (state in ('next', 'active', 'retired'))
);
create unique index signing_keys_active on signing_keys (state) where state = 'active';

-- The revocation feed: credentials that were revoked before their expiry. Every node polls it (invariant 17).
create table revocations (
  -- Assigned at insert. Transactions commit in another order, so readers repeat the last part of what they have read.
  id bigint generated always as identity,
  kind text not null,
  target text not null,
  -- For kind `user`: credentials of earlier epochs are revoked.
  epoch integer,
  ended_at timestamptz not null,
  expires_at timestamptz not null,
  constraint revocations_pkey primary key (id),
  constraint revocations_kind_named check (kind ~ '^[a-z][a-z0-9_]*(\.[a-z0-9_]+)*$'),
  constraint revocations_user_has_epoch check ((kind = 'user') = (epoch is not null))
);
create index revocations_expires_at on revocations (expires_at);

create table jobs (
  id uuid not null,
  kind text not null,
  payload jsonb not null,
  -- At most one queued job has a given key.
  singleton_key text,
  state text not null default 'queued',
  run_at timestamptz not null,
  attempts integer not null default 0,
  leased_until timestamptz,
  leased_by text,
  last_error text,
  created_at timestamptz not null,
  finished_at timestamptz,
  constraint jobs_pkey primary key (id),
  constraint jobs_kind_named check (kind ~ '^[a-z][a-z0-9_]*(\.[a-z0-9_]+)*$'),
  constraint jobs_state_known check (state in ('queued', 'dead')),
  constraint jobs_dead_has_time check ((state = 'dead') = (finished_at is not null))
);
create index jobs_due on jobs (run_at) where state = 'queued';
create unique index jobs_singleton on jobs (singleton_key) where state = 'queued' and singleton_key is not null;
create index jobs_dead on jobs (finished_at) where state = 'dead';

create table job_schedules (
  name text not null,
  next_run_at timestamptz not null,
  last_run_at timestamptz,
  constraint job_schedules_pkey primary key (name)
);

-- Invitations to register. The secret is computed from the row's id when the mail is rendered.
create table invitations (
  id uuid not null,
  -- The address; null after the invitation was used or revoked.
  as_typed text,
  canonical text,
  locale text not null,
  -- The role that the new user gets.
  role text,
  -- The invitation's own key, which encrypts its address in the audit log; null, like the address, when it is closed.
  wrapped_key bytea,
  hash bytea not null,
  key_id uuid not null,
  created_at timestamptz not null,
  expires_at timestamptz not null,
  consumed_at timestamptz,
  outcome text,
  constraint invitations_pkey primary key (id),
  constraint invitations_hash_unique unique (hash),
  constraint invitations_outcome_known check (outcome in ('used', 'revoked')),
  constraint invitations_consumed_has_outcome check ((consumed_at is null) = (outcome is null)),
  constraint invitations_open_has_address
    check ((consumed_at is null) = (as_typed is not null) and (as_typed is null) = (canonical is null)
      and (as_typed is null) = (wrapped_key is null))
);
create index invitations_canonical on invitations (canonical);
create index invitations_expires_at on invitations (expires_at);

-- Every queued message, from the commit of its effect to the SMTP server's reply.
create table mail_ledger (
  id uuid not null,
  user_id uuid,
  identifier_id uuid,
  template text not null,
  locale text not null,
  token_id uuid,
  invitation_id uuid,
  -- The template's parameters, encrypted under the user's key.
  sealed_params bytea,
  message_id text not null,
  state text not null default 'queued',
  created_at timestamptz not null,
  -- When it passed the quotas of its recipient.
  admitted_at timestamptz,
  -- The message that lists this withheld notice.
  summary_id uuid,
  finished_at timestamptz,
  constraint mail_ledger_pkey primary key (id),
  constraint mail_ledger_message_id_unique unique (message_id),
  constraint mail_ledger_user_fkey foreign key (user_id) references users (id) on delete set null,
  constraint mail_ledger_identifier_fkey foreign key (identifier_id) references identifiers (id) on delete set null,
  constraint mail_ledger_token_fkey foreign key (token_id) references one_time_tokens (id) on delete set null,
  constraint mail_ledger_invitation_fkey foreign key (invitation_id) references invitations (id) on delete set null,
  constraint mail_ledger_template_named check (template ~ '^[a-z][a-z0-9_]*(\.[a-z0-9_]+)*$'),
  constraint mail_ledger_state_known check (state in ('queued', 'sent', 'dropped', 'withheld', 'failed'))
);
create index mail_ledger_user on mail_ledger (user_id, created_at);
create index mail_ledger_admitted on mail_ledger (user_id, admitted_at);
create index mail_ledger_summary on mail_ledger (summary_id) where summary_id is not null;
create index mail_ledger_identifier on mail_ledger (identifier_id);
create index mail_ledger_token on mail_ledger (token_id);
create index mail_ledger_invitation on mail_ledger (invitation_id) where invitation_id is not null;
create index mail_ledger_finished_at on mail_ledger (finished_at);

-- The attempts to send a message. A row is inserted as `sending` before the first byte is sent.
create table mail_attempts (
  mail_id uuid not null,
  number integer not null,
  started_at timestamptz not null,
  finished_at timestamptz,
  -- in_doubt: the process or the connection failed when the server may already have accepted the message.
  outcome text not null,
  smtp_code integer,
  smtp_reply text,
  constraint mail_attempts_pkey primary key (mail_id, number),
  constraint mail_attempts_mail_fkey foreign key (mail_id) references mail_ledger (id) on delete cascade,
  constraint mail_attempts_outcome_known check (outcome in ('sending', 'accepted', 'refused', 'failed', 'in_doubt'))
);

create table role_assignments (
  id uuid not null,
  user_id uuid not null,
  role text not null,
  scope_kind text not null default 'deployment',
  scope_id text not null default '',
  granted_by uuid,
  created_at timestamptz not null,
  constraint role_assignments_pkey primary key (id),
  constraint role_assignments_user_fkey foreign key (user_id) references users (id) on delete cascade,
  constraint role_assignments_granted_by_fkey foreign key (granted_by) references users (id) on delete set null,
  constraint role_assignments_scope_kind_named check (scope_kind ~ '^[a-z][a-z0-9_]*(\.[a-z0-9_]+)*$'),
  constraint role_assignments_unique unique (user_id, role, scope_kind, scope_id)
);
create index role_assignments_granted_by on role_assignments (granted_by);

-- `body` holds the exact bytes that will be hashed; the other columns are derived from it for filtering.
-- There is no foreign key to users, because events outlive them.
-- One partition for each month of the id, which is a UUIDv7. The default partition takes every other id, so that a clock
-- that is wrong or was moved never fails an effect (ADR 0031).
create table audit_events (
  id uuid not null,
  at timestamptz not null,
  action text not null,
  actor_kind text not null,
  user_id uuid,
  session_id uuid,
  body bytea not null,
  -- The order of sealing: a transaction below the snapshot's xmin has ended and cannot add events.
  xid xid8 not null default pg_current_xact_id(),
  constraint audit_events_pkey primary key (id),
  constraint audit_events_action_named check (action ~ '^[a-z][a-z0-9_]*(\.[a-z0-9_]+)*$'),
  constraint audit_events_actor_kind_named check (actor_kind ~ '^[a-z][a-z0-9_]*(\.[a-z0-9_]+)*$')
) partition by range (id);
-- Events arrive in the order of time, so a BRIN index of a few pages finds a span of time.
create index audit_events_at on audit_events using brin (at);
create index audit_events_user on audit_events (user_id, id) where user_id is not null;
create index audit_events_session on audit_events (session_id, id) where session_id is not null;
create index audit_events_xid on audit_events (xid);

create table audit_events_default partition of audit_events default;

-- Finds events by client address or identifier. Rows can be deleted without changing the events.
-- No foreign key leads to `audit_events`: it would prevent a partition from being detached.
create table audit_index (
  event_id uuid not null,
  kind text not null,
  hmac bytea not null,
  created_at timestamptz not null,
  constraint audit_index_pkey primary key (event_id, kind, hmac),
  constraint audit_index_kind_named check (kind ~ '^[a-z][a-z0-9_]*(\.[a-z0-9_]+)*$')
);
create index audit_index_hmac on audit_index (kind, hmac);
create index audit_index_created_at on audit_index (created_at);

create table audit_leaves (
  place bigint not null,
  event_id uuid not null,
  leaf_hash bytea not null,
  constraint audit_leaves_pkey primary key (place),
  constraint audit_leaves_event_unique unique (event_id)
);

create function refuse_change() returns trigger language plpgsql as $$
begin
  raise exception '% is append-only', tg_table_name using errcode = 'insufficient_privilege';
end
$$;

-- Partitions get the row trigger from their table. A TRUNCATE of a partition fires the triggers of that partition only.
create trigger audit_events_append_only before update or delete on audit_events
  for each row execute function refuse_change();
create trigger audit_events_no_truncate before truncate on audit_events
  for each statement execute function refuse_change();
create trigger audit_events_no_truncate before truncate on audit_events_default
  for each statement execute function refuse_change();
create trigger audit_leaves_append_only before update or delete on audit_leaves
  for each row execute function refuse_change();
create trigger audit_leaves_no_truncate before truncate on audit_leaves
  for each statement execute function refuse_change();

-- Attaches the partition of a month. A serving role that owns no table calls it with the rights of the owner, so the month
-- is its only input, the search path is fixed, and months far from the present are rejected.
-- An event of the month in the default partition stays there: no code moves or deletes an event. That month then has no
-- partition of its own.
-- Effects are not disturbed: they lock neither the new partition nor, with a right clock, the default one.
do $do$
begin
  execute format($create$
    create function attach_audit_partition(month date) returns text language plpgsql security definer
      set search_path = pg_catalog, %1$I, pg_temp set lock_timeout = '100ms' as $function$
    declare
      this_month constant date := date_trunc('month', now() at time zone 'UTC')::date;
      partition constant text := 'audit_events_' || to_char(month::timestamp, 'YYYY_MM');
      lower constant uuid := (lpad(to_hex((extract(epoch from month::timestamp) * 1000)::bigint), 12, '0')
        || repeat('0', 20))::uuid;
      upper constant uuid := (lpad(to_hex((extract(epoch from month::timestamp + interval '1 month') * 1000)::bigint), 12,
        '0') || repeat('0', 20))::uuid;
    begin
      if month is null or month <> date_trunc('month', month::timestamp)::date then
        raise exception 'not the first day of a month: %%', month using errcode = 'invalid_parameter_value';
      end if;
      if month not between this_month - interval '1 month' and this_month + interval '24 months' then
        return 'out_of_range';
      end if;
      if to_regclass(format('%%I', partition)) is not null then return 'present'; end if;
      -- In this order two callers wait for each other instead of failing.
      lock table only audit_events in share update exclusive mode;
      if to_regclass(format('%%I', partition)) is not null then return 'present'; end if;
      lock table audit_events_default in access exclusive mode;
      if exists (select from audit_events_default where id >= lower and id < upper) then return 'in_default'; end if;
      execute format('create table %1$I.%%I (like audit_events including all)', partition);
      execute format('create trigger audit_events_no_truncate before truncate on %%I for each statement '
        'execute function refuse_change()', partition);
      execute format('alter table audit_events attach partition %%I for values from (%%L) to (%%L)',
        partition, lower, upper);
      return 'attached';
    end
    $function$
  $create$, current_schema());
end
$do$;
revoke execute on function attach_audit_partition(date) from public;

select attach_audit_partition((date_trunc('month', now() at time zone 'UTC') + make_interval(months => ahead))::date)
  from generate_series(0, 3) as ahead;
