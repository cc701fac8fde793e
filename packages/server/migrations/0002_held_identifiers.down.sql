-- Without `held_until` a held address would become a second address to log in with.
delete from identifiers where held_until is not null;
drop index identifiers_held_until;
alter table identifiers drop constraint identifiers_held_is_not_primary;
alter table identifiers drop column held_until;
