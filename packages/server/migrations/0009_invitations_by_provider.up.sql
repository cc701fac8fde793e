-- expand: a sign-in with a provider may accept an invitation.

-- Without a foreign key: an invitation that is gone by then is refused, and its sign-in goes on for a known identity.
alter table provider_logins add column invitation_id uuid;
