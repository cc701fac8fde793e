/** Recording an event: as a statement in a transaction, or as a fragment of a composed statement. */
import type { MakeId } from '#kernel/ids.ts';
import type { JsonObject } from '#kernel/json.ts';
import { type Fragment, type Queries, statement } from '#platform/database/index.ts';
import type { Keys, UserKey } from '#platform/keys/index.ts';
import { canonicalJson } from '#protocol/canonical-json/index.ts';
import type { AuditEvent } from './event.ts';

const eventParams = {
  auditId: 'uuid',
  auditAt: 'timestamptz',
  auditAction: 'text',
  auditActorKind: 'text',
  auditUserId: 'uuid?',
  auditSessionId: 'uuid?',
  auditBody: 'bytea',
} as const;

const columns = '(id, at, action, actor_kind, user_id, session_id, body)';

const recordEvent = statement('audit_events.record', {
  lane: 'write',
  sql: `insert into audit_events ${columns}
    values (:auditId, :auditAt, :auditAction, :auditActorKind, :auditUserId, :auditSessionId, :auditBody)`,
  params: eventParams,
  columns: {},
});

// The event has the id of the job that causes it, so a retry of the job after a crash does not record it twice.
const recordEventOnce = statement('audit_events.record_once', {
  lane: 'write',
  idempotent: true,
  sql: `insert into audit_events ${columns}
    values (:auditId, :auditAt, :auditAction, :auditActorKind, :auditUserId, :auditSessionId, :auditBody)
    on conflict (id) do nothing`,
  params: eventParams,
  columns: {},
});

/** SQL: whether `recordFragment` has not recorded its event yet; for effects that a job may retry after a crash. */
export const isUnrecorded = 'not exists (select from audit_events e where e.id = :auditId)';

/** The values of `recordFragment`. */
export interface AuditValues {
  readonly auditId: string;
  readonly auditAt: Date;
  readonly auditAction: string;
  readonly auditActorKind: string;
  readonly auditUserId: string | null;
  readonly auditSessionId: string | null;
  readonly auditBody: Buffer;
}

/** The CTE `audited`: records one event if the CTE `from` has a row, also when it has several. */
export function recordFragment(from: string): Fragment<typeof eventParams> {
  return {
    sql: `audited as (
      insert into audit_events ${columns}
      select :auditId, :auditAt, :auditAction, :auditActorKind, :auditUserId, :auditSessionId, :auditBody
      from (select from ${from} limit 1) as cause)`,
    params: eventParams,
  };
}

/** Encodes and records events. */
export class AuditLog {
  readonly #keys: Keys;
  readonly #makeId: MakeId;

  constructor(dependencies: { readonly keys: Keys; readonly makeId: MakeId }) {
    this.#keys = dependencies.keys;
    this.#makeId = dependencies.makeId;
  }

  /**
   * Returns the values of `recordFragment`.
   *
   * @param userKey encrypts `event.personal`, of the user, invitation or applicant; without it the key of the month does.
   * @param id of the causing job, when the job may be retried.
   */
  values(event: AuditEvent, userKey?: UserKey, id = this.#makeId()): AuditValues {
    const body = canonicalJson({
      action: event.action,
      actor: { ...event.actor },
      at: event.at.toISOString(),
      ...(event.facts === undefined ? {} : { facts: event.facts }),
      id,
      ...(event.personal === undefined ? {} : { personal: this.#seal(event.personal, id, event.at, userKey) }),
      ...(event.sessionId === undefined ? {} : { sessionId: event.sessionId }),
      ...(event.userId === undefined ? {} : { userId: event.userId }),
      v: 1,
    });
    return {
      auditId: id,
      auditAt: event.at,
      auditAction: event.action,
      auditActorKind: event.actor.kind,
      auditUserId: event.userId ?? null,
      auditSessionId: event.sessionId ?? null,
      auditBody: Buffer.from(body, 'utf8'),
    };
  }

  /** Records an event: in the transaction of its effect, or alone when the event is the whole effect. */
  async record(queries: Queries, event: AuditEvent, userKey?: UserKey): Promise<void> {
    await queries.run(recordEvent, this.values(event, userKey));
  }

  /** Records the event of a job under the job's id. Idempotent. */
  async recordOnce(queries: Queries, id: string, event: AuditEvent, userKey?: UserKey): Promise<void> {
    await queries.run(recordEventOnce, this.values(event, userKey, id));
  }

  #seal(personal: JsonObject, id: string, at: Date, userKey: UserKey | undefined): JsonObject {
    const associatedData = { table: 'audit_events', column: 'body', row: id };
    const plaintext = canonicalJson(personal);
    if (userKey !== undefined)
      return { key: userKey.owner, sealed: userKey.seal(plaintext, associatedData).toString('base64url') };
    const month = at.toISOString().slice(0, 7);
    return { key: month, sealed: this.#keys.seal('month', plaintext, associatedData).toString('base64url') };
  }
}
