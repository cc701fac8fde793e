-- expand: a column that is null for users without a pending deletion, and a table that only erasure writes.
alter table users add column deletes_at timestamptz;
-- No earlier release sets this status. Rows that have it after a migration down and up get the longest grace period.
update users set deletes_at = updated_at + interval '90 days' where status = 'pending_deletion';
alter table users add constraint users_closing_has_time check (status <> 'pending_deletion' or deletes_at is not null) not valid;
create index users_deletes_at on users (deletes_at) where status = 'pending_deletion';

-- Subjects that no user may have again, as HMACs: an import can look a subject up, and a dump does not reveal any.
create table erased_subjects (
  key_id uuid not null,
  subject_hmac bytea not null,
  erased_at timestamptz not null,
  constraint erased_subjects_pkey primary key (key_id, subject_hmac)
);
