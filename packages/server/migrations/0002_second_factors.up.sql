-- expand: new tables, and columns that the previous release neither reads nor needs. The trigger makes it refuse a
-- session of one factor to a user who has turned two factors on, of which that release knows nothing.

-- Whether a login of this user needs two factors. A switch of the user's own: an enrolled factor alone asks for nothing.
alter table users add column mfa_enabled boolean not null default false;

-- Secrets of authenticator apps (RFC 6238). A user has one confirmed secret at most, and one that is not confirmed yet:
-- an enrolment that is abandoned leaves the confirmed one.
create table totp_secrets (
  id uuid not null,
  user_id uuid not null,
  -- Encrypted under the user's key.
  sealed_secret bytea not null,
  confirmed_at timestamptz,
  -- The latest time step whose code was used; a code is valid once (RFC 6238 section 5.2).
  last_step bigint not null default 0,
  created_at timestamptz not null,
  last_used_at timestamptz,
  constraint totp_secrets_pkey primary key (id),
  constraint totp_secrets_user_fkey foreign key (user_id) references users (id) on delete cascade
);
create unique index totp_secrets_confirmed on totp_secrets (user_id) where confirmed_at is not null;
create unique index totp_secrets_pending on totp_secrets (user_id) where confirmed_at is null;
create index totp_secrets_pending_since on totp_secrets (created_at) where confirmed_at is null;

-- HMAC-SHA-256 of each code under the data key `recovery`: a dump contains nothing to guess.
create table recovery_codes (
  id uuid not null,
  user_id uuid not null,
  hash bytea not null,
  key_id uuid not null,
  created_at timestamptz not null,
  used_at timestamptz,
  constraint recovery_codes_pkey primary key (id),
  constraint recovery_codes_user_fkey foreign key (user_id) references users (id) on delete cascade
);
create unique index recovery_codes_hash on recovery_codes (user_id, hash);

-- The last line of defense: a login that forgot the second factor fails here, on every release that runs on this schema.
create function refuse_one_factor_session() returns trigger language plpgsql as $$
begin
  if exists (select from users u where u.id = new.user_id and u.mfa_enabled) then
    raise exception 'a session of one factor for a user of two' using errcode = '23000', constraint = 'sessions_two_factors';
  end if;
  return new;
end $$;
create trigger sessions_two_factors before insert on sessions
  for each row when (new.acr not in ('2', 'phr')) execute function refuse_one_factor_session();

-- When the login of a ticket began: its steps together take 30 minutes at most. Null for tickets of the previous release.
alter table logins add column began_at timestamptz;
