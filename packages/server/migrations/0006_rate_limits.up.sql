-- expand: a table of its own, so the release before runs on it unchanged.
-- Counted uses of quotas that must be exact on every node. Without a write-ahead log: what a crash of PostgreSQL forgets
-- is at most one window, and our own crash forgets nothing.
create unlogged table rate_limit_counters (
  key bytea not null,
  hits integer not null,
  ends_at timestamptz not null,
  constraint rate_limit_counters_pkey primary key (key)
);
create index rate_limit_counters_ends_at on rate_limit_counters (ends_at);
