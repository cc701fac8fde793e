-- expand: columns that the previous release neither reads nor writes. Its own tickets have nulls there.

-- SHA-256 of a cookie of the browser that a page issued the ticket to. Null for a ticket of the API.
alter table logins add column browser_hash bytea;

-- The path of ours that the login leads to. It was validated when the login began, and is validated when it is used.
alter table logins add column continue_to text;
