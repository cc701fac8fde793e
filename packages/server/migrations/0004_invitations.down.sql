drop index mail_ledger_invitation;
alter table mail_ledger drop constraint mail_ledger_invitation_fkey;
alter table mail_ledger drop column invitation_id;
drop table invitations;
