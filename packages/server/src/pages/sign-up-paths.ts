/** The pages of a sign-up after its form. */

export const checkMailPath = '/check-mail';
/** Asks for another verification link. */
export const resendPath = '/resend-verification';
