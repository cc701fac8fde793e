-- expand: a rotation writes one row and updates another, and nothing else.

-- ADR 0042. The check of this foreign key locked the row of the family in every rotation, which wrote that row too. The statements
-- that insert a token read its family, and a token without family opens nothing.
alter table refresh_tokens drop constraint refresh_tokens_family_fkey;

-- Room on each page for the one update of a token, so that it changes no index (HOT).
alter table refresh_tokens set (fillfactor = 60);

create function delete_tokens_of_families() returns trigger language plpgsql as $$
begin
  delete from refresh_tokens t using gone g where t.family_id = g.id;
  return null;
end $$;
create trigger refresh_families_tokens after delete on refresh_families
  referencing old table as gone for each statement execute function delete_tokens_of_families();
