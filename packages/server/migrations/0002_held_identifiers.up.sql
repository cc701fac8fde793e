-- expand: a column that is null in every existing row, so the previous release runs on it unchanged.
-- A replaced address is held for its user until the link that undoes the change has expired: no other user can claim it,
-- and it cannot log in. The check is `not valid`, because existing rows satisfy it and need no scan.
alter table identifiers add column held_until timestamptz;
alter table identifiers add constraint identifiers_held_is_not_primary
  check (held_until is null or not is_primary) not valid;
create index identifiers_held_until on identifiers (held_until) where held_until is not null;
