/** Asking, and what each answer comes to. */

import type { KeyObject } from 'node:crypto';
import { z } from 'zod';
import type { AuditAction, AuditLog } from '#domain/audit/index.ts';
import type { Clock } from '#kernel/clock.ts';
import type { JsonObject } from '#kernel/json.ts';
import { Problem } from '#kernel/problem.ts';
import { clientInfoOf, type Requester } from '#kernel/requester.ts';
import type { Database } from '#platform/database/index.ts';
import type { JsonResult, Outbound } from '#platform/outbound/index.ts';
import { webhookHeaders } from '#protocol/webhook-signature/index.ts';

/** Where the hook is and how much it counts. */
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
  readonly clock: Clock;
  readonly settings: RegistrationHookSettings;
}

/** Who wants to register, and on whose word. */
interface Applicant {
  readonly via: 'register' | 'invitation';
  /** Canonical. */
  readonly email: string;
  readonly name: string;
  readonly locale: string;
}

/** Codes, not sentences: nothing that the hook says about a person gets into the log or the audit facts. */
const reasonForm = /^[a-z0-9][a-z0-9_.-]{0,63}$/;

const answerSchema = z.object({
  allow: z.boolean(),
  reason: z.string().regex(reasonForm).optional().catch(undefined),
});

type Decision =
  | { readonly kind: 'allowed' }
  | { readonly kind: 'refused'; readonly reason: string | undefined }
  | { readonly kind: 'unanswered'; readonly why: string; readonly status?: number };

/** Asks the hook. */
export class RegistrationHook {
  readonly #deps: HookDeps;

  constructor(deps: HookDeps) {
    this.#deps = deps;
  }

  /**
   * Returns when the person may register.
   *
   * @throws Problem `registration_refused` when the hook says no; `unavailable` when it says nothing and is to refuse
   *   then; `busy` when too many questions of ours are under way.
   */
  async admit(applicant: Applicant, requester: Requester): Promise<void> {
    const decision = await this.#ask(applicant, requester);
    if (decision.kind === 'allowed') return;
    if (decision.kind === 'refused') {
      const { reason = 'unspecified' } = decision;
      await this.#record('registration_hook.refused', { via: applicant.via, reason }, applicant, requester);
      throw new Problem('registration_refused', { log: `the registration hook said no: ${reason}` });
    }
    const { why, status } = decision;
    if (why === 'overloaded') throw new Problem('busy', { log: 'too many questions to the registration hook at once' });
    const admitted = this.#deps.settings.whenDown === 'allow';
    const facts = { via: applicant.via, why, admitted, ...(status === undefined ? {} : { status }) };
    await this.#record('registration_hook.unanswered', facts, applicant, requester);
    if (!admitted) throw new Problem('unavailable', { retryAfterSeconds: 10, log: `the registration hook: ${why}` });
  }

  async #ask({ via, email, name, locale }: Applicant, { address, requestId }: Requester): Promise<Decision> {
    const { outbound, clock, settings } = this.#deps;
    const body = JSON.stringify({ via, email, name, locale, clientAddress: address, requestId });
    const headers = webhookHeaders({ id: requestId, sentAt: clock.now(), body }, settings.secret);
    const { url, timeoutMs, allowPrivate } = settings;
    return decisionOf(
      await outbound.askJson({
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
    const { audit, database, clock } = this.#deps;
    const personal = { email, ...clientInfoOf(requester) };
    await audit.record(database, { action, at: clock.now(), actor: { kind: 'stranger' }, facts, personal });
  }
}

/** Only 200 with the agreed JSON is an answer: a proxy's error page, a redirect or a 204 are not the hook speaking. */
function decisionOf(answer: JsonResult): Decision {
  if (answer.kind !== 'answered') return { kind: 'unanswered', why: answer.reason };
  const { status, json } = answer;
  if (status !== 200) return { kind: 'unanswered', why: 'status', status };
  const parsed = answerSchema.safeParse(json);
  if (!parsed.success) return { kind: 'unanswered', why: 'malformed_answer' };
  const { allow, reason } = parsed.data;
  return allow ? { kind: 'allowed' } : { kind: 'refused', reason };
}
