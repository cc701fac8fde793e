-- expand: a column that is null for every account that is not closing, and a table that only erasing writes.
alter table users add column deletes_at timestamptz;
-- No release before this one closed accounts; one that was closing when this was taken back gets the longest grace.
update users set deletes_at = updated_at + interval '90 days' where status = 'pending_deletion';
alter table users add constraint users_closing_has_time check (status <> 'pending_deletion' or deletes_at is not null) not valid;
create index users_deletes_at on users (deletes_at) where status = 'pending_deletion';

-- Subjects that no user may have again, as HMACs: whoever imports users can ask, and nobody can read who was here.
create table erased_subjects (
  key_id uuid not null,
  subject_hmac bytea not null,
  erased_at timestamptz not null,
  constraint erased_subjects_pkey primary key (key_id, subject_hmac)
);
