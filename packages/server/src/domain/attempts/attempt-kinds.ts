/** Stored in `attempt_counters.kind`. A password that is proven within a session counts as `password_known_device`. */
export const attemptKinds = [
  'password',
  'password_known_device',
  'second_factor',
  'second_factor_known_device',
  'email_code',
  'mailbox_code',
] as const;

export type AttemptKind = (typeof attemptKinds)[number];
