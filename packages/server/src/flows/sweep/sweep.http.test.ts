import { expect, it } from 'vitest';
import { statement } from '#platform/database/index.ts';
import { Application } from '#test/support/application.ts';
import { addActiveUser, addPendingInvitation } from '#test/support/daily-traffic.ts';
import { copySessions, cureRows, poisonRows } from '#test/support/thousands.ts';
import { login } from '#test/support/user-actions.ts';
import { sweepHandler } from './index.ts';

const count = statement('sweep_test.count', {
  lane: 'pool',
  sql: `select (select count(*) from sessions)::int4 as sessions, (select count(*) from invitations)::int4 as invitations`,
  params: {},
  columns: { sessions: 'int4', invitations: 'int4' },
});

const yearMs = 365 * 24 * 60 * 60 * 1000;

it('sweeps 6,000 sessions and the other tables, although two rows cannot be deleted, and logs that once', async () => {
  const app = await Application.open({ manual: true });
  const { database, clock, makeId } = app.services;
  const { data } = await login(app, await addActiveUser(app));
  const ids = await copySessions(database, data.sessionId, 6_000);
  const invitations = [await addPendingInvitation(app), await addPendingInvitation(app)];
  await poisonRows(database, 'sessions', [ids[0] ?? '', ids[3210] ?? '']);
  const handler = sweepHandler(app.services);
  const sweep = () => {
    const job = { id: makeId(), kind: handler.kind, payload: {}, attempt: 1, createdAt: clock.now() };
    return handler.handle(job, new AbortController().signal);
  };
  expect(await database.row(count, {})).toEqual({ sessions: 6_001, invitations: invitations.length });
  app.clock.advance(yearMs);
  await expect(sweep()).rejects.toThrow(/^expired rows could not be deleted: sessions: 2, /);
  expect(await database.row(count, {})).toEqual({ sessions: 2, invitations: 0 });
  await cureRows(database);
  expect(await sweep()).toEqual({ kind: 'done' });
  expect(await database.row(count, {})).toEqual({ sessions: 0, invitations: 0 });
  await app.close();
});
