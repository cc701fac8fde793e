drop trigger refresh_families_tokens on refresh_families;
drop function delete_tokens_of_families();
alter table refresh_tokens reset (fillfactor);
-- Holds for new tokens at once. Validating those that exist would lock the table while it is read.
alter table refresh_tokens add constraint refresh_tokens_family_fkey
  foreign key (family_id) references refresh_families (id) on delete cascade not valid;
