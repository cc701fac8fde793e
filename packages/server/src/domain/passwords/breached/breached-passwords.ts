/**
 * The breach check: looks a password up in a local filter file, in a range service, in both or in neither.
 * - Neither the password nor its hash leaves the process, except for the five digits that the range protocol sends.
 *   Neither is stored or logged.
 * - The filter is read first, so a password that it contains costs no request.
 * - Overload of our own client is `busy` and never counts as an outage of the service: with `whenDown: 'allow'` a flood
 *   would otherwise disable the check.
 */
import { Problem } from '#kernel/problem.ts';
import type { Outbound } from '#platform/outbound/index.ts';
import type { PasswordFilter } from './password-filter.ts';
import { queryRangeService, type RangeServiceSettings } from './range-service.ts';

/** The range service, and what an outage of it means for a new password. */
export interface BreachServiceSettings extends RangeServiceSettings {
  readonly whenDown: 'allow' | 'refuse';
}

/** A check that the service did not complete; `allowed` is whether the password was accepted without it. */
export interface FailedBreachCheck {
  readonly why: string;
  readonly status?: number;
  readonly allowed: boolean;
}

interface Dependencies {
  readonly outbound: Outbound;
  readonly service: BreachServiceSettings | undefined;
  readonly filter: PasswordFilter | undefined;
  readonly onCheckFailed: (check: FailedBreachCheck) => void;
}

/** Looks passwords up in the configured sources. */
export class BreachedPasswords {
  readonly #deps: Dependencies;

  constructor(deps: Dependencies) {
    this.#deps = deps;
  }

  get isConfigured(): boolean {
    return this.#deps.service !== undefined || this.#deps.filter !== undefined;
  }

  /**
   * Returns whether a password in NFC is known from a breach.
   *
   * @throws Problem `unavailable` when the service fails and `whenDown` is `refuse`; `busy` when too many of our own
   *   requests to it are in progress.
   */
  async has(password: string): Promise<boolean> {
    const { filter, service } = this.#deps;
    if (filter !== undefined && (await filter.has(password))) return true;
    return service !== undefined && (await this.#queryService(service, password));
  }

  async #queryService(service: BreachServiceSettings, password: string): Promise<boolean> {
    const result = await queryRangeService(this.#deps.outbound, service, password);
    if (result.kind !== 'failed') return result.kind === 'breached';
    const { why, status } = result;
    if (why === 'overloaded') throw new Problem('busy', { log: 'too many concurrent requests to the breach service' });
    const allowed = service.whenDown === 'allow';
    this.#deps.onCheckFailed({ why, allowed, ...(status === undefined ? {} : { status }) });
    if (!allowed) throw new Problem('unavailable', { retryAfterSeconds: 10, log: `the breach service: ${why}` });
    return false;
  }

  async close(): Promise<void> {
    await this.#deps.filter?.close();
  }
}
