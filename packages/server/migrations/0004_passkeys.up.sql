-- expand: new tables, which the previous release neither reads nor needs. It answers a login that only a passkey could
-- complete as incomplete, since it knows no passkeys.

-- Passkeys and security keys (W3C Web Authentication Level 3).
create table passkeys (
  id uuid not null,
  user_id uuid not null,
  -- The RP ID of the registration. A passkey works for this one alone.
  rp_id text not null,
  credential_id bytea not null,
  -- The same for all passkeys of a user. It looks random: an authenticator learns nothing about the account from it.
  user_handle bytea not null,
  -- SubjectPublicKeyInfo in DER.
  public_key bytea not null,
  -- The COSE identifier of the algorithm.
  algorithm integer not null,
  sign_count bigint not null,
  -- Whether it can be, and is, synced to other devices. The first never changes.
  backup_eligible boolean not null,
  backed_up boolean not null,
  -- Whether its registration verified the user. Otherwise it stays a second factor, whatever it claims later: who finds a
  -- key without a PIN can set one.
  verifies_user boolean not null,
  aaguid uuid not null,
  transports text[] not null default '{}',
  name text not null,
  -- Set by a recovery of the account by mail: no first factor until the user resumes it.
  suspended_at timestamptz,
  created_at timestamptz not null,
  last_used_at timestamptz,
  constraint passkeys_pkey primary key (id),
  constraint passkeys_credential_unique unique (credential_id),
  constraint passkeys_user_fkey foreign key (user_id) references users (id) on delete cascade,
  constraint passkeys_credential_bounded check (octet_length(credential_id) between 16 and 1023),
  constraint passkeys_backed_up_is_eligible check (backup_eligible or not backed_up),
  constraint passkeys_algorithm_known check (algorithm in (-7, -8, -257))
);
create index passkeys_user on passkeys (user_id);
create index passkeys_rp_id on passkeys (rp_id);

-- Values that were accepted once and are refused from then on, until they expire by themselves. Challenges of passkeys are
-- stored here when they are used, and nowhere when they are issued.
create table used_nonces (
  kind text not null,
  hash bytea not null,
  expires_at timestamptz not null,
  constraint used_nonces_pkey primary key (kind, hash)
);
create index used_nonces_expires_at on used_nonces (expires_at);
