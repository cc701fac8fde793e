/** The pages of a sign-up. */

export const registerPath = '/register';
export const checkMailPath = '/check-mail';
/** Asks for another verification link. */
export const resendPath = '/resend-verification';
