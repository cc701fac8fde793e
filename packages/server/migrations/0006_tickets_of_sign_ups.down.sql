alter table one_time_tokens drop column sealed_device, drop column registration_id;
-- Without the address they would be tickets of logins.
delete from logins where sealed_address is not null;
alter table logins drop column mailed_at, drop column sealed_address;
