-- expand: a column that is null for every row there is, so the release before runs on it unchanged.
-- An address that its user gave up stays theirs until the link that undoes the change has expired: nobody else can claim
-- it meanwhile, and it names nobody. The check needs no scan of the rows that were there before the column.
alter table identifiers add column held_until timestamptz;
alter table identifiers add constraint identifiers_held_is_not_primary
  check (held_until is null or not is_primary) not valid;
create index identifiers_held_until on identifiers (held_until) where held_until is not null;
