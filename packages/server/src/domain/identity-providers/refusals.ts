/**
 * Errors of oauth4webapi as refusals. Only its messages are kept: the causes contain codes, tokens and claims, which must not
 * reach the log (invariant 16).
 */
import type * as OAuth from 'oauth4webapi';
import { type IdentityProvider, ProviderRefusal, type ProviderRefusalKind } from './provider.ts';

/** Errors of the callback (RFC 6749 §4.1.2.1, OpenID Connect Core §3.1.2.6) by which the person or the provider declines. */
const declined = [
  'access_denied',
  'user_cancelled_authorize',
  'user_cancelled_login',
  'login_required',
  'consent_required',
  'interaction_required',
];
const outages = ['server_error', 'temporarily_unavailable'];

/** A word of RFC 6749 §5.2; anything else that a provider sends is not logged. */
const errorCode = /^[a-z_]{1,64}$/;

/** The refusal that an error means; undefined for any other error, which is a bug. */
export function refusalOf(
  error: unknown,
  provider: IdentityProvider,
  oauth: typeof OAuth,
): ProviderRefusal | undefined {
  if (error instanceof ProviderRefusal) return error;
  const refuse = (kind: ProviderRefusalKind, why: string) =>
    new ProviderRefusal(kind, `identity provider ${provider.id}: ${why}`);
  if (error instanceof oauth.AuthorizationResponseError)
    return refuse(kindOfCallback(error.error), codeOf(error.error));
  // Another code than `invalid_grant` is about our own settings, such as a wrong client secret.
  if (error instanceof oauth.ResponseBodyError)
    return refuse(
      error.error === 'invalid_grant' ? 'invalid' : 'unavailable',
      `token endpoint: ${codeOf(error.error)}`,
    );
  if (error instanceof oauth.WWWAuthenticateChallengeError) return refuse('unavailable', 'it rejected our credentials');
  if (error instanceof oauth.OperationProcessingError) return refuse(kindOf(error.code, oauth), error.message);
  if (error instanceof oauth.UnsupportedOperationError) return refuse('invalid', error.message);
  return undefined;
}

function codeOf(error: string): string {
  return errorCode.test(error) ? error : 'an error of an unknown kind';
}

function kindOfCallback(error: string): ProviderRefusalKind {
  if (declined.includes(error)) return 'denied';
  return outages.includes(error) ? 'unavailable' : 'invalid';
}

/** No response in the form that the protocol demands, such as an error page or a redirect. */
function kindOf(code: string | undefined, oauth: typeof OAuth): ProviderRefusalKind {
  const unusable = [oauth.RESPONSE_IS_NOT_CONFORM, oauth.RESPONSE_IS_NOT_JSON, oauth.HTTP_REQUEST_FORBIDDEN];
  return unusable.some((known) => known === code) ? 'unavailable' : 'invalid';
}
