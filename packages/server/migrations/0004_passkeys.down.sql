drop table used_nonces, passkeys;
