alter table provider_logins drop column invitation_id;
