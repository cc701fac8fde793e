-- expand: columns that the previous release neither reads nor writes. Its own rows have nulls there, so its tickets are
-- those of logins, and its verification links have no code beside them.

-- Set on the ticket of a sign-up: the email that was typed, encrypted under a key that is derived from the ticket itself,
-- which only the browser has. The id of such a row is that of the registration, and no user has it before the registration
-- is confirmed; a ticket for a taken address is of a registration that does not exist.
alter table logins add column sealed_address bytea;

-- When the mail of the sign-up was last requested.
alter table logins add column mailed_at timestamptz;

-- The registration that a verification link confirms: the id of its first link.
alter table one_time_tokens add column registration_id uuid;

-- The browser that the registration was made in, in words, encrypted under the key of the user.
alter table one_time_tokens add column sealed_device bytea;
