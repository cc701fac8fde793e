drop trigger refresh_families_tokens on refresh_families;
drop function delete_tokens_of_families();
alter table refresh_tokens reset (fillfactor);
delete from refresh_tokens t where not exists (select from refresh_families f where f.id = t.family_id);
alter table refresh_tokens add constraint refresh_tokens_family_fkey
  foreign key (family_id) references refresh_families (id) on delete cascade;
