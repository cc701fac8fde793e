-- expand: two columns with defaults in every existing row, and a wider check, so the previous release runs on it unchanged.
-- SHA-256 of the secret of the browser that requested a login link or code, which alone can use it.
alter table one_time_tokens add column browser_hash bytea;
-- Tries of a code, wrong and right ones; their number is limited.
alter table one_time_tokens add column tries integer not null default 0;

alter table attempt_counters drop constraint attempt_counters_kind_known;
alter table attempt_counters add constraint attempt_counters_kind_known
  check (kind in ('password', 'password_known_device', 'second_factor', 'email_code')) not valid;
