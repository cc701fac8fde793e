-- expand: a new table, so the previous release runs on it unchanged.
-- Used quotas that all nodes share. Unlogged: a crash of PostgreSQL loses at most one window, a crash of ours nothing.
create unlogged table rate_limit_counters (
  key bytea not null,
  hits integer not null,
  ends_at timestamptz not null,
  constraint rate_limit_counters_pkey primary key (key)
);
create index rate_limit_counters_ends_at on rate_limit_counters (ends_at);
