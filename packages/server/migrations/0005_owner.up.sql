-- expand: renames the role `admin` to `owner`. The previous release reads role names that it does not know, and authorizes
-- nothing by them; this one reads both names, since a node of the previous release may still assign the former.
update role_assignments r set role = 'owner' where role = 'admin' and not exists (
  select from role_assignments o where o.user_id = r.user_id and o.role = 'owner'
    and o.scope_kind = r.scope_kind and o.scope_id = r.scope_id);
update invitations set role = 'owner' where role = 'admin';
