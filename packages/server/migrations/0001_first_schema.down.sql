drop table audit_leaves, audit_index, audit_events, role_assignments, mail_attempts, mail_ledger, invitations,
  job_schedules, jobs, revocations, signing_keys, one_time_tokens, logins, refresh_tokens, refresh_families, sessions,
  devices, clients, rate_limit_counters, attempt_counters, applicant_keys, passwords, identifiers, user_keys, erased_subjects, users,
  data_keys, deployment;
drop function refuse_change();
drop function attach_audit_partition(date);
