-- expand: a table, and a column that is null in every existing row, so the previous release runs on it unchanged.
-- Invitations to register. The secret is computed from the row's id when the mail is rendered.
create table invitations (
  id uuid not null,
  -- The address; null after the invitation was used or revoked.
  as_typed text,
  canonical text,
  locale text not null,
  -- The role that the new user gets.
  role text,
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
    check ((consumed_at is null) = (as_typed is not null) and (as_typed is null) = (canonical is null))
);
create index invitations_canonical on invitations (canonical);
create index invitations_expires_at on invitations (expires_at);

alter table mail_ledger add column invitation_id uuid;
alter table mail_ledger add constraint mail_ledger_invitation_fkey
  foreign key (invitation_id) references invitations (id) on delete set null not valid;
create index mail_ledger_invitation on mail_ledger (invitation_id) where invitation_id is not null;
