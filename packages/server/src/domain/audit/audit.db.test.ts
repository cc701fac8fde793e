import { beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { JsonValue } from '#kernel/json.ts';
import { statement } from '#platform/database/index.ts';
import { canonicalJson } from '#protocol/canonical-json/index.ts';
import { describeOnBothDatabases } from '#test/support/databases.ts';
import { addUser, type DomainFixture, openDomainFixture, type TestUser } from '#test/support/domain-fixture.ts';
import { type AuditEvent, recordFragment } from './index.ts';

const find = statement('audit_test.find', {
  lane: 'pool',
  sql: `select id, at, action, actor_kind, user_id, session_id, body, xid from audit_events where user_id = :userId`,
  params: { userId: 'uuid' },
  columns: {
    id: 'uuid',
    at: 'timestamptz',
    action: 'text',
    actorKind: 'text',
    userId: 'uuid?',
    sessionId: 'uuid?',
    body: 'bytea',
    xid: 'xid8',
  },
});
const fragment = recordFragment('cause_of');
const recordIf = statement('audit_test.record_if', {
  lane: 'pool',
  sql: `with cause_of as (select n from generate_series(1, :times::integer) as s (n)), ${fragment.sql}
    select count(*) as causes from cause_of`,
  params: { times: 'int4', ...fragment.params },
  columns: { causes: 'int8' },
});
const forbidden = [
  statement('audit_test.update', {
    lane: 'pool',
    sql: `update audit_events set action = 'login.failed'`,
    params: {},
    columns: {},
  }),
  statement('audit_test.delete', { lane: 'pool', sql: `delete from audit_events`, params: {}, columns: {} }),
  statement('audit_test.truncate', { lane: 'pool', sql: `truncate audit_events cascade`, params: {}, columns: {} }),
];

const address = '192.0.2.77';
const userAgent = 'Mozilla/5.0 (ünïcode)';

describeOnBothDatabases('the audit log', (database) => {
  let fixture: DomainFixture;
  let user: TestUser;

  beforeAll(async () => {
    fixture = await openDomainFixture(database());
  });

  beforeEach(async () => {
    user = await addUser(fixture);
  });

  const read = async () => {
    const row = await database().row(find, { userId: user.id });
    const text = row?.body.toString('utf8') ?? 'null';
    return { row, text, body: JSON.parse(text) as Record<string, JsonValue> };
  };
  const event = (over: Partial<AuditEvent> = {}): AuditEvent => ({
    action: 'login.succeeded',
    at: fixture.clock.now(),
    actor: { kind: 'user', id: user.id },
    userId: user.id,
    ...over,
  });

  it('stores canonical JSON (RFC 8785) and columns with the same values', async () => {
    const sessionId = fixture.makeId();
    const facts = { z: 1, a: ['x', true, null], umlaut: 'ö' };
    const full = event({ sessionId, facts, personal: { address, userAgent } });
    await fixture.audit.record(database(), full, user.key);
    const { row, text, body } = await read();
    expect(canonicalJson(body)).toBe(text);
    expect(body).toMatchObject({
      v: 1,
      id: row?.id,
      action: row?.action,
      userId: row?.userId,
      sessionId: row?.sessionId,
      facts,
    });
    expect(body.at).toBe(row?.at.toISOString());
    expect(body.actor).toEqual({ kind: row?.actorKind, id: user.id });
  });

  it.each([
    [0, 0],
    [1, 1],
    [3, 1],
  ])('records an effect on %i rows %i times', async (times, recorded) => {
    await database().run(recordIf, { times, ...fixture.audit.values(event()) });
    expect(await database().rows(find, { userId: user.id })).toHaveLength(recorded);
  });

  it('has no event of a transaction that was rolled back', async () => {
    const failed = database().transaction(async (tx) => {
      await fixture.audit.record(tx, event());
      throw new Error('the effect failed');
    });
    await expect(failed).rejects.toThrow('the effect failed');
    expect((await read()).row).toBeUndefined();
  });

  describe('personal data', () => {
    const associatedDataOf = (row: string) => ({ table: 'audit_events', column: 'body', row });
    const sealedOf = (body: Record<string, JsonValue>) => body.personal as { key: string; sealed: string };

    it('decrypts only with the key of the user and only for its own row', async () => {
      await fixture.audit.record(database(), event({ personal: { address, userAgent } }), user.key);
      const { row, text, body } = await read();
      expect(text).not.toContain(address);
      expect(text).not.toContain('Mozilla');
      const { key, sealed } = sealedOf(body);
      expect(key).toBe('user');
      const ciphertext = Buffer.from(sealed, 'base64url');
      expect(JSON.parse(user.key.open(ciphertext, associatedDataOf(row?.id ?? '')).toString())).toEqual({
        address,
        userAgent,
      });
      expect(() => user.key.open(ciphertext, associatedDataOf(fixture.makeId()))).toThrow('not authentic');
    });

    it('is encrypted under the key of the month when there is no user', async () => {
      await fixture.audit.record(database(), event({ actor: { kind: 'anonymous' }, personal: { address } }));
      const { row, text, body } = await read();
      expect(text).not.toContain(address);
      const { key, sealed } = sealedOf(body);
      expect(key).toBe(fixture.clock.now().toISOString().slice(0, 7));
      const opened = fixture.keys.open('month', Buffer.from(sealed, 'base64url'), associatedDataOf(row?.id ?? ''));
      expect(JSON.parse(opened.toString())).toEqual({ address });
    });
  });

  it.each(forbidden.map((statement) => [statement.name, statement] as const))('rejects %s', async (_, statement) => {
    await fixture.audit.record(database(), event());
    const before = await database().rows(find, { userId: user.id });
    await expect(database().run(statement, {})).rejects.toMatchObject({
      code: '42501',
      message: expect.stringContaining('append-only') as string,
    });
    expect(await database().rows(find, { userId: user.id })).toEqual(before);
  });
});
