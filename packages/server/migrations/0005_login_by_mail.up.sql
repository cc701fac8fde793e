-- expand: two columns that are empty for every row there is, and a wider check, so the release before runs on it unchanged.
-- A link or code that logs in, bound to the browser that asked for it: SHA-256 of that browser's secret.
alter table one_time_tokens add column browser_hash bytea;
-- Wrong codes and right ones: a code is dead after a few, whatever was typed.
alter table one_time_tokens add column tries integer not null default 0;

alter table attempt_counters drop constraint attempt_counters_kind_known;
alter table attempt_counters add constraint attempt_counters_kind_known
  check (kind in ('password', 'password_known_device', 'second_factor', 'email_code')) not valid;
