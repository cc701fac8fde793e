alter table logins drop column continue_to, drop column browser_hash;
