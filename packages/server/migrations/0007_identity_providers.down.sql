drop table pending_identities, provider_logins, federated_identities, identity_providers;
