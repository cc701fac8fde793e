/**
 * The refusals of external services, in one place: each is logged at `warn`, and `/readyz?verbose` shows the last reason
 * until the service works again. Owns no table and no route.
 * Invariants: the same reason of a service is logged once in 30 s, the time that a circuit stays open, and a service has at
 * most ten lines in that time; a reason contains no address, link or secret.
 * Example: Redis is read-only for a minute, and 5,000 requests count in the process. The log has three lines: the reason
 * at 0 s and at 30 s, and that Redis works again at 60 s.
 */
import type { Clock } from '#kernel/clock.ts';
import { type Logger, scrub } from '#platform/telemetry/index.ts';

export type DependencyName =
  | 'postgresql'
  | 'postgresql_replica'
  | 'redis'
  | 'smtp'
  | 'registration_hook'
  | 'breached_passwords'
  | 'provider'
  | 'error_reports'
  | 'profiles';

const periodMs = 30_000;
const linesAtMost = 10;

interface State {
  /** The last reason; undefined while the service works. */
  reason: string | undefined;
  isLogged: boolean;
  /** The reasons of the last 30 s, with the time of their line by the monotonic clock. */
  readonly logged: Map<string, number>;
}

export class Dependencies {
  readonly #clock: Clock;
  readonly #logger: Logger;
  readonly #states = new Map<DependencyName, State>();

  constructor({ clock, logger }: { readonly clock: Clock; readonly logger: Logger }) {
    this.#clock = clock;
    this.#logger = logger;
  }

  /** The service refused, or could not be reached. */
  refused(name: DependencyName, reason: string, error?: unknown): void {
    const state = this.#stateOf(name);
    state.reason = scrub(reason);
    if (!this.#isNew(state, state.reason)) return;
    state.isLogged = true;
    const cause = error === undefined ? {} : { error };
    this.#logger.warn('a dependency refuses or is unreachable', { component: name, detail: state.reason, ...cause });
  }

  /** The service rejected one item and works otherwise: logged like a refusal, and not shown as the service's state. */
  rejected(name: DependencyName, reason: string): void {
    const detail = scrub(reason);
    if (!this.#isNew(this.#stateOf(name), detail)) return;
    this.#logger.warn('a dependency rejected an item', { component: name, detail });
  }

  works(name: DependencyName): void {
    const state = this.#states.get(name);
    if (state?.reason === undefined) return;
    state.reason = undefined;
    if (!state.isLogged) return;
    state.isLogged = false;
    this.#logger.info('a dependency works again', { component: name });
  }

  /** Why the service refuses; undefined while it works. */
  reason(name: DependencyName): string | undefined {
    return this.#states.get(name)?.reason;
  }

  #stateOf(name: DependencyName): State {
    const known = this.#states.get(name);
    if (known !== undefined) return known;
    const state: State = { reason: undefined, isLogged: false, logged: new Map() };
    this.#states.set(name, state);
    return state;
  }

  #isNew({ logged }: State, reason: string): boolean {
    const nowMs = this.#clock.monotonicMs();
    for (const [other, atMs] of logged) if (nowMs - atMs >= periodMs) logged.delete(other);
    if (logged.has(reason) || logged.size >= linesAtMost) return false;
    logged.set(reason, nowMs);
    return true;
  }
}
