declare const accepted: unique symbol;

/** A password in NFC that `PasswordRules` has accepted. The brand makes hashing an unchecked password a type error. */
export type AcceptedPassword = string & { readonly [accepted]: true };
