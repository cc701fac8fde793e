/**
 * Declared problems that a complete test run need not observe at each operation. Reviewed by hand.
 * The run fails if any other declared problem is not observed at its operation.
 */

/** Produced in one place for all operations; observed at some operation at least. */
export const sharedProblems: readonly string[] = [
  'busy',
  'forbidden_key',
  'internal',
  'malformed_request',
  'outcome_unknown',
  'unavailable',
  'uri_too_long',
];

/** Produced before a request reaches an operation, with the test that covers each on a bare server. */
export const beforeOperations: Readonly<Record<string, string>> = {
  expectation_failed: 'packages/server/src/platform/http/admission/bad-bytes.http.test.ts',
  header_fields_too_large: 'packages/server/src/platform/http/admission/bad-bytes.http.test.ts',
  request_timeout: 'packages/server/src/platform/http/admission/bad-bytes.http.test.ts',
};

const noBody = 'every write declares it, but a DELETE without a body returns malformed_request for any body';

const noKeys =
  'a user who sets a factor up has no passkey of this domain, so that only twenty of an earlier domain are too many';

/** Keys are `operation code`, values the reason. The run also fails if one of these is observed. */
export const unreachableProblems: Readonly<Record<string, string>> = {
  'login.enroll too_many_passkeys': noKeys,
  'login.confirm_enrollment too_many_passkeys': noKeys,
  'change_email.cancel duplicate_key': noBody,
  'change_email.cancel malformed_json': noBody,
  'change_email.cancel too_deep': noBody,
  'change_email.cancel unsupported_media_type': noBody,
  'totp.remove duplicate_key': noBody,
  'totp.remove malformed_json': noBody,
  'totp.remove too_deep': noBody,
  'totp.remove unsupported_media_type': noBody,
  'passkeys.remove duplicate_key': noBody,
  'passkeys.remove malformed_json': noBody,
  'passkeys.remove too_deep': noBody,
  'passkeys.remove unsupported_media_type': noBody,
  'identities.remove duplicate_key': noBody,
  'identities.remove malformed_json': noBody,
  'identities.remove too_deep': noBody,
  'identities.remove unsupported_media_type': noBody,
  'sessions.end_others duplicate_key': noBody,
  'sessions.end_others malformed_json': noBody,
  'sessions.end_others too_deep': noBody,
  'sessions.end_others unsupported_media_type': noBody,
  'devices.forget duplicate_key': noBody,
  'devices.forget malformed_json': noBody,
  'devices.forget too_deep': noBody,
  'devices.forget unsupported_media_type': noBody,
  'sessions.end_one duplicate_key': noBody,
  'sessions.end_one malformed_json': noBody,
  'sessions.end_one too_deep': noBody,
  'sessions.end_one unsupported_media_type': noBody,
};
