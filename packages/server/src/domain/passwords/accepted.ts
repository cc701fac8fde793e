/** A password that may be set, as a type of its own, so that no path to a hash goes round the rules. */

declare const accepted: unique symbol;

/** A password in NFC that `PasswordRules` has accepted; nothing else makes one. */
export type AcceptedPassword = string & { readonly [accepted]: true };
