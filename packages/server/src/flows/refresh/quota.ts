/**
 * The quota of refreshes, counted after the exchange by user, because an office behind one address has many users. An
 * exchange consumes the presented token, so its successor is returned even over the quota. The process remembers that
 * successor, and rejects it without a query until the window ends. Unknown tokens count by address.
 */

import type { Clock } from '#kernel/clock.ts';
import { Problem } from '#kernel/problem.ts';
import { boundedCache } from '#platform/bounded-cache/index.ts';
import type { QuotaStatus, RateLimits } from '#platform/rate-limit/index.ts';
import { hashSecret } from '#protocol/secret-token/index.ts';

/** Each belongs to a user who used up the quota; the least recently presented are evicted. */
const maxPostponed = 10_000;

export class RefreshQuota {
  readonly #limits: Pick<RateLimits, 'use' | 'bucketOf'>;
  readonly #clock: Clock;
  readonly #postponed = boundedCache<string, number>(maxPostponed);

  constructor(limits: Pick<RateLimits, 'use' | 'bucketOf'>, clock: Clock) {
    this.#limits = limits;
    this.#clock = clock;
  }

  /** @throws `too_many_requests` for a token that was issued over the quota. */
  requireOpen(token: string): void {
    if (this.#postponed.size === 0) return;
    const untilMs = this.#postponed.get(keyOf(token));
    const restMs = (untilMs ?? 0) - this.#clock.now().getTime();
    if (restMs > 0) throw new Problem('too_many_requests', { retryAfterSeconds: Math.ceil(restMs / 1000) });
  }

  /** Counts an exchange. */
  count(userId: string, successor: string): QuotaStatus {
    const { headers, retryAfterSeconds } = this.#limits.use('authenticated', userId);
    if (retryAfterSeconds !== undefined) {
      this.#postponed.set(keyOf(successor), this.#clock.now().getTime() + retryAfterSeconds * 1000);
    }
    return { headers, retryAfterSeconds: undefined };
  }

  /** Counts a token that was not exchanged. */
  countUnknown(address: string): QuotaStatus {
    return this.#limits.use('public', `unknown-token ${this.#limits.bucketOf(address)}`);
  }
}

function keyOf(token: string): string {
  return hashSecret(token).toString('base64url');
}
