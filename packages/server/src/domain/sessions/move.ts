/**
 * A session that is used by a different client than before: its row stores the new client information, and one event
 * records the change.
 */

import { hash } from 'node:crypto';
import { type AuditValues, recordFragment } from '#domain/audit/index.ts';
import type { ClientInfo } from '#kernel/requester.ts';
import { boundedCache } from '#platform/bounded-cache/index.ts';
import { type Queries, statement } from '#platform/database/index.ts';
import type { UserKey } from '#platform/keys/index.ts';
import { openClientInfo, sealClientInfo } from './session.ts';

const audited = recordFragment('moved');

const move = statement('sessions.move', {
  lane: 'write',
  sql: `with moved as (
      update sessions set sealed_client_info = :after
      where id = :sessionId and sealed_client_info = :before and ended_at is null
      returning id),
    ${audited.sql}
    select id from moved`,
  params: { sessionId: 'uuid', before: 'bytea', after: 'bytea', ...audited.params },
  columns: { id: 'uuid' },
});

/** The client information of the last use, encrypted. */
export interface LastClientInfo {
  readonly sessionId: string;
  readonly sealed: Buffer;
}

const maxRemembered = 20_000;

/**
 * Compares clients with the stored ones. A session is mostly refreshed by one client, and two decryptions are a tenth of a
 * refresh, so a process remembers what it has compared. It keeps digests, because client information is personal data.
 */
export class LastClients {
  /** By session, the digest of its ciphertext and of the client that it was found to contain. */
  readonly #compared = boundedCache<string, string>(maxRemembered);

  /** Whether the client information differs from the stored one. */
  hasMoved(keyOf: () => UserKey, last: LastClientInfo, now: ClientInfo): boolean {
    const digest = digestOf(last, now);
    if (this.#compared.get(last.sessionId) === digest) return false;
    const before = openClientInfo(keyOf(), last.sessionId, last.sealed);
    if (before.address !== now.address || before.userAgent !== now.userAgent) return true;
    this.#compared.set(last.sessionId, digest);
    return false;
  }
}

function digestOf({ sealed }: LastClientInfo, { address, userAgent }: ClientInfo): string {
  return hash('sha256', `${sealed.toString('base64')} ${address} ${userAgent}`, 'base64url');
}

/**
 * Stores the new client information and records the event. Of concurrent calls, one that read the stored information
 * succeeds.
 */
export async function moveSession(
  queries: Queries,
  key: UserKey,
  last: LastClientInfo,
  to: ClientInfo,
  event: AuditValues,
): Promise<void> {
  const { sessionId, sealed } = last;
  await queries.run(move, {
    sessionId,
    before: sealed,
    after: sealClientInfo(key, sessionId, to),
    ...event,
  });
}
