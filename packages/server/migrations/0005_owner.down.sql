update role_assignments r set role = 'admin' where role = 'owner' and not exists (
  select from role_assignments a where a.user_id = r.user_id and a.role = 'admin'
    and a.scope_kind = r.scope_kind and a.scope_id = r.scope_id);
update invitations set role = 'admin' where role = 'owner';
