drop trigger sessions_two_factors on sessions;
drop function refuse_one_factor_session();
alter table logins drop column began_at;
drop table recovery_codes, totp_secrets;
alter table users drop column mfa_enabled;
