import type { JsonObject } from '#kernel/json.ts';

/** Every recorded action. Names must not change: operators filter and alert by them. */
export type AuditAction =
  | 'user.registered'
  | 'user.registration_repeated'
  | 'user.registration_refused'
  | 'user.registration_disowned'
  | 'user.registration_superseded'
  | 'user.created'
  | 'user.disabled'
  | 'user.enabled'
  | 'user.unlocked'
  | 'user.sessions_ended'
  | 'owner.setup_link_made'
  | 'owner.recovery_link_made'
  | 'owner.set_up'
  | 'user.role_granted'
  | 'user.role_revoked'
  | 'user.metadata_changed'
  | 'profile.changed'
  | 'registration_hook.refused'
  | 'registration_hook.unanswered'
  | 'invitation.created'
  | 'invitation.revoked'
  | 'invitation.accepted'
  | 'email.verified'
  | 'email.verification_requested'
  | 'email.change_requested'
  | 'email.change_refused'
  | 'email.change_canceled'
  | 'email.change_confirmed'
  | 'email.changed'
  | 'email.change_undone'
  | 'password.changed'
  | 'password.change_refused'
  | 'password.reset_requested'
  | 'password.reset'
  | 'login.link_requested'
  | 'login.code_requested'
  | 'login.succeeded'
  | 'login.failed'
  | 'login.refused'
  | 'login.step_required'
  | 'factor.enrolled'
  | 'factor.removed'
  | 'factor.reset'
  | 'passkey.added'
  | 'passkey.renamed'
  | 'passkey.removed'
  | 'passkey.resumed'
  | 'passkey.counter_stuck'
  | 'passkey.backup_changed'
  | 'identity.linked'
  | 'identity.unlinked'
  | 'identity.suspended'
  | 'identity.resumed'
  | 'mfa.turned_on'
  | 'mfa.turned_off'
  | 'recovery_codes.made'
  | 'recovery_code.used'
  | 'mailbox_code.requested'
  | 'session.stepped_up'
  | 'session.step_up_refused'
  | 'account.deletion_scheduled'
  | 'account.deletion_refused'
  | 'account.deletion_canceled'
  | 'account.erased'
  | 'session.moved'
  | 'session.ended'
  | 'session.logged_out'
  | 'session.logged_out_everywhere'
  | 'session.others_ended'
  | 'device.forgotten'
  | 'refresh_token.reused'
  | 'client.origins_changed'
  | 'provider.added'
  | 'provider.changed'
  | 'provider.enabled'
  | 'provider.disabled'
  | 'provider.removed'
  | 'signing_key.rotated'
  | 'signing_key.revoked'
  | 'data_key.rotated';

/** The acting party; `anonymous` is a client that has not authenticated. */
export type AuditActor =
  | { readonly kind: 'user'; readonly id: string }
  | { readonly kind: 'anonymous' }
  | { readonly kind: 'operator' }
  | { readonly kind: 'system' };

export interface AuditEvent {
  readonly action: AuditAction;
  readonly at: Date;
  readonly actor: AuditActor;
  readonly userId?: string;
  readonly sessionId?: string;
  /** Facts without personal data. */
  readonly facts?: JsonObject;
  /** Personal data, such as the client's address; encrypted before it is stored. */
  readonly personal?: JsonObject;
}
