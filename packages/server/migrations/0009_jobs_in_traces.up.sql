-- expand: a nullable column without default rewrites no row; the previous release leaves it null.

-- The position in the trace that enqueued the job (W3C Trace Context), so that its work and its mail belong to that trace.
alter table jobs add column traceparent text;
