/**
 * Passwords that were in a breach, as far as somebody knows them: a file of this machine, a service outside, both or
 * neither. Owns no table.
 * Invariants: the password never leaves this machine, nor its hash, but for the five digits that the service is asked
 * about; neither is kept or logged; the file is asked first, so that what it knows costs no request; being overloaded
 * ourselves is never taken for the service's being down, or a flood would open what `allow` leaves open.
 */
import { Problem } from '#kernel/problem.ts';
import type { Outbound } from '#platform/outbound/index.ts';
import type { PasswordFilter } from './filter.ts';
import { queryRangeService, type RangeServiceSettings } from './range-service.ts';

/** The service, and what its silence means. */
export interface BreachServiceSettings extends RangeServiceSettings {
  readonly whenDown: 'allow' | 'refuse';
}

/** A password that is set though the service was silent, or was not set because it was. */
export interface UnansweredCheck {
  readonly why: string;
  readonly status?: number;
  readonly allowed: boolean;
}

interface Dependencies {
  readonly outbound: Outbound;
  readonly service: BreachServiceSettings | undefined;
  readonly filter: PasswordFilter | undefined;
  readonly onUnanswered: (check: UnansweredCheck) => void;
}

/** Asks whoever is to be asked. */
export class BreachedPasswords {
  readonly #deps: Dependencies;

  constructor(deps: Dependencies) {
    this.#deps = deps;
  }

  /** Whether anybody is asked at all. */
  get isConfigured(): boolean {
    return this.#deps.service !== undefined || this.#deps.filter !== undefined;
  }

  /**
   * Whether a password in NFC is known from a breach.
   *
   * @throws Problem `unavailable` when the service is silent and that is to refuse; `busy` when too many questions of ours
   *   are under way.
   */
  async has(password: string): Promise<boolean> {
    const { filter, service } = this.#deps;
    if (filter !== undefined && (await filter.has(password))) return true;
    return service !== undefined && (await this.#askService(service, password));
  }

  async #askService(service: BreachServiceSettings, password: string): Promise<boolean> {
    const answer = await queryRangeService(this.#deps.outbound, service, password);
    if (answer.kind !== 'unanswered') return answer.kind === 'breached';
    const { why, status } = answer;
    if (why === 'overloaded') throw new Problem('busy', { log: 'too many questions to the breach service at once' });
    const allowed = service.whenDown === 'allow';
    this.#deps.onUnanswered({ why, allowed, ...(status === undefined ? {} : { status }) });
    if (!allowed) throw new Problem('unavailable', { retryAfterSeconds: 10, log: `the breach service: ${why}` });
    return false;
  }

  async close(): Promise<void> {
    await this.#deps.filter?.close();
  }
}
