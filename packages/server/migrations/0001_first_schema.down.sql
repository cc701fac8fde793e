drop table audit_leaves, audit_index, audit_events, role_assignments, mail_attempts, mail_ledger, job_schedules, jobs,
  revocations, signing_keys, one_time_tokens, logins, refresh_tokens, refresh_families, sessions, devices, clients,
  attempt_counters, passwords, identifiers, user_keys, users, data_keys, deployment;
drop function refuse_change();
