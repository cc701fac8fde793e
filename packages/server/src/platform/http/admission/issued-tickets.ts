/**
 * The tickets that this process issued to pages, so that a login in progress has a quota of pages of its own: an office behind one
 * address does not use up that of a person in the middle of signing in. A ticket that is not known here counts by address, so that
 * invented ones have no quota. Holds hashes alone.
 */
import { hash } from 'node:crypto';
import { boundedCache } from '#platform/bounded-cache/index.ts';
import type { CookieChange } from '../endpoint.ts';

/** Each costs a right password or a registration, which have quotas. */
const maxTickets = 20_000;

/** No ticket of a page lives longer. */
const lifetimeMs = 60 * 60 * 1000;

export class IssuedTickets {
  readonly #known = boundedCache<string, true>(maxTickets, { lifetimeMs });

  note(cookies: readonly CookieChange[]): void {
    for (const { cookie, change } of cookies) {
      if (cookie === 'ticket' && change !== 'expire') this.#known.set(hash('sha256', change.value), true);
    }
  }

  /** The key of its quota; undefined for a ticket that this process did not issue. */
  keyOf(ticket: string | undefined): string | undefined {
    if (ticket === undefined) return undefined;
    const known = hash('sha256', ticket);
    return this.#known.has(known) ? `ticket ${known}` : undefined;
  }
}
