/**
 * Problems that a whole run of the tests need not see at each operation which declares them: reviewed by hand.
 * Every other one is seen at every operation, or the run fails.
 */

/** Made in one place for all operations, and seen at some of them at least. */
export const sharedProblems: readonly string[] = [
  'busy',
  'forbidden_key',
  'internal',
  'malformed_request',
  'outcome_unknown',
  'unavailable',
  'uri_too_long',
];

/** Answered before a request reaches an operation, and asked of a bare server: the test that does. */
export const beforeOperations: Readonly<Record<string, string>> = {
  expectation_failed: 'packages/server/src/platform/http/admission/bad-bytes.http.test.ts',
  header_fields_too_large: 'packages/server/src/platform/http/admission/bad-bytes.http.test.ts',
  request_timeout: 'packages/server/src/platform/http/admission/bad-bytes.http.test.ts',
};

const noBody = 'declared of every write; of a DELETE that takes no body any body is malformed_request';
const oneStep = 'the only further step that there is yet, cancel_deletion, has an answer of its own';
const onlyProven = 'only a proven address is mailed to, and nothing makes it unproven again';

/** `operation code`, and why it is seen nowhere. One that is seen after all fails the run, too. */
export const neverSeen: Readonly<Record<string, string>> = {
  'login.password login_incomplete': oneStep,
  'login.magic_link login_incomplete': oneStep,
  'login.magic_link email_not_verified': onlyProven,
  'login.email_code login_incomplete': oneStep,
  'login.email_code email_not_verified': onlyProven,
  'change_email.cancel duplicate_key': noBody,
  'change_email.cancel malformed_json': noBody,
  'change_email.cancel too_deep': noBody,
  'change_email.cancel unsupported_media_type': noBody,
  'sessions.end_others duplicate_key': noBody,
  'sessions.end_others malformed_json': noBody,
  'sessions.end_others too_deep': noBody,
  'sessions.end_others unsupported_media_type': noBody,
  'sessions.end_one duplicate_key': noBody,
  'sessions.end_one malformed_json': noBody,
  'sessions.end_one too_deep': noBody,
  'sessions.end_one unsupported_media_type': noBody,
};
