delete from attempt_counters where kind = 'email_code';
alter table attempt_counters drop constraint attempt_counters_kind_known;
alter table attempt_counters add constraint attempt_counters_kind_known
  check (kind in ('password', 'password_known_device', 'second_factor')) not valid;
-- Without `browser_hash` any browser could use these links.
delete from one_time_tokens where browser_hash is not null;
alter table one_time_tokens drop column tries;
alter table one_time_tokens drop column browser_hash;
