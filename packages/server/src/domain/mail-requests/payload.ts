/** What somebody asked for, as the job carries it until it is known whose address it is. */
import { z } from 'zod';
import type { AuditAction } from '#domain/audit/index.ts';
import { assert } from '#kernel/assert.ts';
import type { JsonValue } from '#platform/database/index.ts';
import type { AssociatedData, Keys } from '#platform/keys/index.ts';

/** Who asks, and for which address. */
interface RequestFields {
  readonly canonical: string;
  readonly caller: { readonly address: string; readonly userAgent: string | undefined };
}

/** A further link for an address that waits to be proven. */
export interface VerificationRequest extends RequestFields {
  readonly purpose: 'verify_email';
}

/** A link or a code for whoever has an account. */
export interface LoginOrResetRequest extends RequestFields {
  /** What the link or code is for, and the mail that brings it. */
  readonly purpose: 'reset_password' | 'magic_link' | 'email_code';
  readonly action: AuditAction;
  /** Whether an address that nobody has proven gets it too. */
  readonly toUnverified: boolean;
  /** SHA-256 of the secret of the browser that asks, for what only this browser may use. */
  readonly browserHash?: Buffer;
  /** Instead of the purpose's own. */
  readonly lifetimeSeconds?: number;
}

/** What is asked for. */
export type MailRequest = VerificationRequest | LoginOrResetRequest;

const actions = ['password.reset_requested', 'login.link_requested', 'login.code_requested'] as const;

const asked = {
  canonical: z.string(),
  caller: z.strictObject({ address: z.string(), userAgent: z.string().optional() }),
};

const carriedVerification = z.strictObject({ ...asked, purpose: z.literal('verify_email') });

const carriedEntrance = z.strictObject({
  ...asked,
  purpose: z.enum(['reset_password', 'magic_link', 'email_code']),
  action: z.enum(actions),
  toUnverified: z.boolean(),
  browserHash: z.base64().optional(),
  lifetimeSeconds: z.int().positive().optional(),
});

const carried = z.discriminatedUnion('purpose', [carriedVerification, carriedEntrance]);

/** Nobody is known yet whose own key would do; a job that is done goes, and with it what it carried. */
function associatedDataOf(jobId: string): AssociatedData {
  return { table: 'jobs', column: 'payload', row: jobId };
}

/** The payload of the job with this id: who asks and for which address is nothing that a queue should show. */
export function sealMailRequest(keys: Keys, jobId: string, asked: MailRequest): JsonValue {
  const { address, userAgent } = asked.caller;
  const browserHash = 'browserHash' in asked ? asked.browserHash?.toString('base64') : undefined;
  const text = JSON.stringify({ ...asked, browserHash, caller: { address, userAgent } });
  return { sealed: keys.seal('nobody', text, associatedDataOf(jobId)).toString('base64') };
}

/** Opens what `sealMailRequest` made. */
export function openMailRequest(keys: Keys, jobId: string, payload: JsonValue): MailRequest {
  const { sealed } = payload as { readonly sealed?: unknown };
  assert(typeof sealed === 'string', 'what was asked for is sealed');
  const text = keys.open('nobody', Buffer.from(sealed, 'base64'), associatedDataOf(jobId)).toString('utf8');
  const mail = carried.parse(JSON.parse(text));
  const caller = { address: mail.caller.address, userAgent: mail.caller.userAgent };
  if (mail.purpose === 'verify_email') return { ...mail, caller };
  const { browserHash, lifetimeSeconds, ...rest } = mail;
  return {
    ...rest,
    caller,
    ...(browserHash === undefined ? {} : { browserHash: Buffer.from(browserHash, 'base64') }),
    ...(lifetimeSeconds === undefined ? {} : { lifetimeSeconds }),
  };
}
