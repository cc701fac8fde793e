/** The registration hook: a webhook by which the operator's service admits or rejects registrations. */
import type { KeyObject } from 'node:crypto';
import { z } from 'zod';
import type { AuditAction, AuditLog } from '#domain/audit/index.ts';
import type { Clock } from '#kernel/clock.ts';
import type { MakeId } from '#kernel/ids.ts';
import type { JsonObject } from '#kernel/json.ts';
import { Problem } from '#kernel/problem.ts';
import { clientInfoOf, type Requester } from '#kernel/requester.ts';
import type { Database } from '#platform/database/index.ts';
import type { Keys } from '#platform/keys/index.ts';
import type { JsonResult, Outbound } from '#platform/outbound/index.ts';
import { webhookHeaders } from '#protocol/webhook-signature/index.ts';
import { insertApplicantKey } from './applicants.ts';

export interface RegistrationHookSettings {
  readonly url: string;
  readonly secret: KeyObject;
  readonly timeoutMs: number;
  readonly whenDown: 'refuse' | 'allow';
  readonly allowPrivate: boolean;
}

interface HookDeps {
  readonly outbound: Outbound;
  readonly database: Database;
  readonly audit: AuditLog;
  readonly keys: Keys;
  readonly makeId: MakeId;
  readonly clock: Clock;
  readonly settings: RegistrationHookSettings;
}

interface Applicant {
  readonly via: 'register' | 'invitation' | 'provider';
  /** In canonical form. */
  readonly email: string;
  readonly name: string;
  readonly locale: string;
}

/** A code, not a sentence, so that the hook cannot write personal data into the log or the audit facts. */
const reasonForm = /^[a-z0-9][a-z0-9_.-]{0,63}$/;

const responseSchema = z.object({
  allow: z.boolean(),
  reason: z.string().regex(reasonForm).optional().catch(undefined),
});

type Decision =
  | { readonly kind: 'allowed' }
  | { readonly kind: 'refused'; readonly reason: string | undefined }
  | { readonly kind: 'failed'; readonly why: string; readonly status?: number };

/** Calls the hook. */
export class RegistrationHook {
  readonly #deps: HookDeps;
  #secret: KeyObject;

  constructor(deps: HookDeps) {
    this.#deps = deps;
    this.#secret = deps.settings.secret;
  }

  /** Signs later requests with another secret. */
  useSecret(secret: KeyObject): void {
    this.#secret = secret;
  }

  /**
   * Returns when the applicant may register. Must be called outside of transactions.
   *
   * @throws Problem `registration_refused` when the hook rejects the applicant; `unavailable` when it fails and `whenDown`
   *   is `refuse`; `busy` when too many of our own requests to it are in progress.
   */
  async admit(applicant: Applicant, requester: Requester): Promise<void> {
    const decision = await this.#call(applicant, requester);
    if (decision.kind === 'allowed') return;
    if (decision.kind === 'refused') {
      const { reason = 'unspecified' } = decision;
      await this.#record('registration_hook.refused', { via: applicant.via, reason }, applicant, requester);
      throw new Problem('registration_refused', { log: `the registration hook rejected the applicant: ${reason}` });
    }
    const { why, status } = decision;
    if (why === 'overloaded')
      throw new Problem('busy', { log: 'too many concurrent requests to the registration hook' });
    const admitted = this.#deps.settings.whenDown === 'allow';
    const facts = { via: applicant.via, why, admitted, ...(status === undefined ? {} : { status }) };
    await this.#record('registration_hook.unanswered', facts, applicant, requester);
    if (!admitted) throw new Problem('unavailable', { retryAfterSeconds: 10, log: `the registration hook: ${why}` });
  }

  async #call({ via, email, name, locale }: Applicant, { address, requestId }: Requester): Promise<Decision> {
    const { outbound, clock, settings } = this.#deps;
    const body = JSON.stringify({ via, email, name, locale, clientAddress: address, requestId });
    const headers = webhookHeaders({ id: requestId, sentAt: clock.now(), body }, this.#secret);
    const { url, timeoutMs, allowPrivate } = settings;
    return decisionOf(
      await outbound.requestJson({
        purpose: 'registration_hook',
        url,
        policy: { allowPrivate },
        method: 'POST',
        headers,
        body,
        timeoutMs,
        maxBodyBytes: 4096,
      }),
    );
  }

  async #record(action: AuditAction, facts: JsonObject, { email }: Applicant, requester: Requester): Promise<void> {
    const { audit, database, keys, makeId, clock } = this.#deps;
    const personal = { email, ...clientInfoOf(requester) };
    const [id, now] = [makeId(), clock.now()];
    await database.transaction(async (tx) => {
      const key = await insertApplicantKey(tx, keys, { id, email, now });
      await audit.recordOnce(tx, id, { action, at: now, actor: { kind: 'anonymous' }, facts, personal }, key);
    });
  }
}

/** Only 200 with the documented JSON is a decision. Error pages of a proxy, redirects and 204 count as a failure. */
function decisionOf(result: JsonResult): Decision {
  if (result.kind !== 'answered') return { kind: 'failed', why: result.reason };
  const { status, json } = result;
  if (status !== 200) return { kind: 'failed', why: 'status', status };
  const parsed = responseSchema.safeParse(json);
  if (!parsed.success) return { kind: 'failed', why: 'malformed_answer' };
  const { allow, reason } = parsed.data;
  return allow ? { kind: 'allowed' } : { kind: 'refused', reason };
}
