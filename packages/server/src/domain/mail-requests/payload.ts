/** The payload of the job: the request, encrypted. */
import { z } from 'zod';
import type { AuditAction } from '#domain/audit/index.ts';
import { assert } from '#kernel/assert.ts';
import type { Requester } from '#kernel/requester.ts';
import type { JsonValue } from '#platform/database/index.ts';
import type { AssociatedData, Keys } from '#platform/keys/index.ts';

interface RequestFields {
  readonly canonical: string;
  readonly requester: Omit<Requester, 'requestId'>;
  /** The device that the requester claims to be, if its token is signed. */
  readonly deviceId?: string | undefined;
}

/** A further link for an unverified address. */
export interface VerificationRequest extends RequestFields {
  readonly purpose: 'verify_email';
}

/** A link or a code for the user of an address. */
export interface LoginOrResetRequest extends RequestFields {
  /** The purpose of the token; the template of the mail has the same name. */
  readonly purpose: 'reset_password' | 'magic_link' | 'email_code';
  readonly action: AuditAction;
  /** Whether an unverified address gets the mail too. */
  readonly toUnverified: boolean;
  /** SHA-256 of the requesting browser's secret, for a token that only this browser can use. */
  readonly browserHash?: Buffer;
  /** Instead of the lifetime of the purpose. */
  readonly lifetimeSeconds?: number;
  /** The return address of the login, as the page validated it. */
  readonly continueTo?: string | undefined;
}

export type MailRequest = VerificationRequest | LoginOrResetRequest;

const actions = ['password.reset_requested', 'login.link_requested', 'login.code_requested'] as const;

const requestFields = {
  canonical: z.string(),
  requester: z.strictObject({ address: z.string(), userAgent: z.string().optional() }),
  deviceId: z.uuid().optional(),
};

const verificationPayload = z.strictObject({ ...requestFields, purpose: z.literal('verify_email') });

const loginOrResetPayload = z.strictObject({
  ...requestFields,
  purpose: z.enum(['reset_password', 'magic_link', 'email_code']),
  action: z.enum(actions),
  toUnverified: z.boolean(),
  browserHash: z.base64().optional(),
  lifetimeSeconds: z.int().positive().optional(),
  continueTo: z.string().optional(),
});

const payloadSchema = z.discriminatedUnion('purpose', [verificationPayload, loginOrResetPayload]);

/** No user's key can encrypt it, because the user is not known yet; the row is deleted when the job completes. */
function associatedDataOf(jobId: string): AssociatedData {
  return { table: 'jobs', column: 'payload', row: jobId };
}

/** Encrypts a request as the payload of the job with this id: the queue must not show addresses. */
export function sealMailRequest(keys: Keys, jobId: string, request: MailRequest): JsonValue {
  const { address, userAgent } = request.requester;
  const browserHash = 'browserHash' in request ? request.browserHash?.toString('base64') : undefined;
  const text = JSON.stringify({ ...request, browserHash, requester: { address, userAgent } });
  return { sealed: keys.seal('month', text, associatedDataOf(jobId)).toString('base64') };
}

/** Decrypts the result of `sealMailRequest`. */
export function openMailRequest(keys: Keys, jobId: string, payload: JsonValue): MailRequest {
  const { sealed } = payload as { readonly sealed?: unknown };
  assert(typeof sealed === 'string', 'the payload of a mail request is encrypted');
  const text = keys.open('month', Buffer.from(sealed, 'base64'), associatedDataOf(jobId)).toString('utf8');
  const opened = payloadSchema.parse(JSON.parse(text));
  const requester = { address: opened.requester.address, userAgent: opened.requester.userAgent };
  if (opened.purpose === 'verify_email') return { ...opened, requester };
  const { browserHash, lifetimeSeconds, ...rest } = opened;
  return {
    ...rest,
    requester,
    ...(browserHash === undefined ? {} : { browserHash: Buffer.from(browserHash, 'base64') }),
    ...(lifetimeSeconds === undefined ? {} : { lifetimeSeconds }),
  };
}
