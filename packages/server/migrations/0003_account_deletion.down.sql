-- Users with a pending deletion keep that status without a time of erasure.
drop table erased_subjects;
drop index users_deletes_at;
alter table users drop constraint users_closing_has_time;
alter table users drop column deletes_at;
