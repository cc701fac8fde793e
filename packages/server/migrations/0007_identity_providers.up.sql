-- expand: new tables, which the previous release neither reads nor needs.

-- Identity providers that people can sign in with. An operator or the settings file writes them.
create table identity_providers (
  -- As in the path of its callback: /login/with/{id}/callback.
  id text not null,
  preset text not null,
  -- As people read it.
  name text not null,
  -- Identities are of this issuer. It never changes; another issuer is another provider.
  issuer text not null,
  settings jsonb not null,
  -- Client secret or private key, encrypted under the data key `provider`. Null for a public client.
  sealed_secret bytea,
  enabled boolean not null,
  managed_by text not null,
  created_at timestamptz not null,
  updated_at timestamptz not null,
  constraint identity_providers_pkey primary key (id),
  -- A second provider with the issuer of the first would take over its identities.
  constraint identity_providers_issuer_unique unique (issuer),
  constraint identity_providers_id_named check (id ~ '^[a-z0-9](-?[a-z0-9])*$' and length(id) <= 32),
  constraint identity_providers_preset_named check (preset ~ '^[a-z][a-z0-9_]*(\.[a-z0-9_]+)*$'),
  constraint identity_providers_managed_by_known check (managed_by in ('operator', 'settings')),
  constraint identity_providers_settings_bounded check (octet_length(settings::text) <= 16384)
);

-- The accounts at identity providers that users sign in with. An identity is (issuer, subject), whatever the provider is
-- called today, so no foreign key leads to the provider.
create table federated_identities (
  id uuid not null,
  user_id uuid not null,
  issuer text not null,
  subject text not null,
  -- Name and email at the provider, to tell two identities apart; encrypted under the user's key.
  sealed_profile bytea,
  -- Set by a recovery of the account by mail: no way in until the user resumes it.
  suspended_at timestamptz,
  created_at timestamptz not null,
  last_used_at timestamptz,
  constraint federated_identities_pkey primary key (id),
  constraint federated_identities_subject_unique unique (issuer, subject),
  constraint federated_identities_user_fkey foreign key (user_id) references users (id) on delete cascade,
  constraint federated_identities_subject_bounded check (length(issuer) <= 2048 and length(subject) between 1 and 255)
);
create index federated_identities_user on federated_identities (user_id);

-- Logins that wait for the callback of a provider. Nonce and PKCE verifier are computed from the state, of which only the
-- hash is stored.
create table provider_logins (
  id uuid not null,
  state_hash bytea not null,
  -- The data key that nonce and verifier are computed with.
  key_id uuid not null,
  provider_id text not null,
  -- SHA-256 of the secret of the browser that started it, which alone can complete it.
  browser_hash bytea not null,
  -- login or link
  purpose text not null,
  -- The session that asked for the link.
  session_id uuid,
  continue_to text,
  created_at timestamptz not null,
  expires_at timestamptz not null,
  consumed_at timestamptz,
  constraint provider_logins_pkey primary key (id),
  constraint provider_logins_state_hash_unique unique (state_hash),
  constraint provider_logins_provider_fkey foreign key (provider_id) references identity_providers (id) on delete cascade,
  constraint provider_logins_session_fkey foreign key (session_id) references sessions (id) on delete cascade,
  constraint provider_logins_purpose_named check (purpose ~ '^[a-z][a-z0-9_]*(\.[a-z0-9_]+)*$'),
  constraint provider_logins_only_login_without_session check ((purpose = 'login') = (session_id is null))
);
create index provider_logins_provider on provider_logins (provider_id);
create index provider_logins_session on provider_logins (session_id);
create index provider_logins_expires_at on provider_logins (expires_at);

-- Identities that a provider vouched for in this browser and that no user has: they wait for an ordinary login to be linked,
-- or for an email address.
create table pending_identities (
  id uuid not null,
  -- SHA-256 of the secret of the browser, which alone can continue.
  browser_hash bytea not null,
  issuer text not null,
  subject text not null,
  -- Name and email at the provider, encrypted under a key that is derived from the secret of the browser.
  sealed_profile bytea not null,
  created_at timestamptz not null,
  expires_at timestamptz not null,
  consumed_at timestamptz,
  constraint pending_identities_pkey primary key (id),
  constraint pending_identities_subject_bounded check (length(issuer) <= 2048 and length(subject) between 1 and 255)
);
create index pending_identities_browser on pending_identities (browser_hash);
create index pending_identities_expires_at on pending_identities (expires_at);
