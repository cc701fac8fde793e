import { beforeAll, beforeEach, expect, it } from 'vitest';
import { addSeconds } from '#kernel/clock.ts';
import { statement } from '#platform/database/index.ts';
import { describeOnBothDatabases } from '#test/support/databases.ts';
import type { TestUser } from '#test/support/domain-fixture.ts';
import {
  addAuthenticator,
  addPasswordUser,
  addRecoveryCodes,
  type GateFixture,
  openGateFixture,
  passwordProof,
  requester,
  sessionsOf,
  type TestAuthenticator,
} from '#test/support/gate-fixture.ts';
import { completeStep, continueLogin, type LoginOptions, type SecondProof, startLogin } from './decide.ts';
import { showLogin } from './show-login.ts';
import type { LoginInProgress } from './tickets.ts';

// No flow changes this without a new epoch; the gate reads every fact again at each step.
const setGraceEnd = statement('show_login_test.set_grace_end', {
  lane: 'pool',
  sql: `update users set status = 'pending_deletion', deletes_at = :at where id = :userId`,
  params: { userId: 'uuid', at: 'timestamptz' },
  columns: {},
});

const [browserHash, another] = [Buffer.alloc(32, 1), Buffer.alloc(32, 2)];

describeOnBothDatabases('a login that began on a page', (database) => {
  let fixture: GateFixture;
  let user: TestUser;
  let app: TestAuthenticator;

  beforeAll(async () => {
    fixture = await openGateFixture(database());
  });

  beforeEach(async () => {
    user = await addPasswordUser(fixture);
    app = await addAuthenticator(fixture, user);
  });

  const now = () => fixture.clock.now();
  const totp = (): SecondProof => ({ by: 'totp', userId: user.id, secretId: app.secretId, step: 1 });

  /** The ticket of a login by password. */
  async function begin(origin: Pick<LoginOptions, 'browserHash' | 'continueTo'>): Promise<string> {
    const options = { transport: 'cookie', deviceToken: undefined, ...origin } as const;
    const result = await startLogin(fixture.gate, await passwordProof(fixture, user), options, requester);
    return result.kind === 'step_required' ? result.ticket.text : '';
  }

  const goIn = (ticket: string, browser: Buffer | undefined) =>
    continueLogin(fixture.gate, ticket, totp(), { deviceToken: undefined, browserHash: browser }, requester);
  const show = (text: string, browser: Buffer | undefined) =>
    showLogin(database(), { text, browserHash: browser }, now());

  it('goes on in this browser only, and not through the API', async () => {
    const ticket = await begin({ browserHash, continueTo: '/account' });
    for (const other of [another, undefined]) {
      await expect(goIn(ticket, other)).rejects.toMatchObject({ code: 'invalid_ticket' });
      expect(await show(ticket, other)).toBeUndefined();
    }
    expect(await sessionsOf(fixture, user)).toEqual([]);
    expect(await goIn(ticket, browserHash)).toMatchObject({ kind: 'done', continueTo: '/account' });
  });

  it('is not one of the API, which a page cannot continue', async () => {
    const ticket = await begin({});
    await expect(goIn(ticket, browserHash)).rejects.toMatchObject({ code: 'invalid_ticket' });
    expect(await goIn(ticket, undefined)).toMatchObject({ kind: 'done', continueTo: null });
  });

  it('keeps browser and path over its next ticket', async () => {
    const ticket = await begin({ browserHash, continueTo: '/account' });
    await database().run(setGraceEnd, { userId: user.id, at: addSeconds(now(), 86_400) });
    const result = await goIn(ticket, browserHash);
    const next = result.kind === 'step_required' ? result.ticket.text : '';
    const take = (browser?: Buffer) =>
      completeStep(fixture.gate, next, 'cancel_deletion', async (_tx, login) => void taken.push(login), {
        browserHash: browser,
      });
    const taken: LoginInProgress[] = [];
    await expect(take(another)).rejects.toMatchObject({ code: 'invalid_ticket' });
    await expect(take()).rejects.toMatchObject({ code: 'invalid_ticket' });
    await take(browserHash);
    expect(taken).toMatchObject([{ userId: user.id, browserHash, continueTo: '/account' }]);
  });

  it('is shown with its step and factors, and consumed by no view', async () => {
    await addRecoveryCodes(fixture, user);
    const ticket = await begin({ browserHash, continueTo: '/account' });
    const shown = await show(ticket, browserHash);
    const factors = ['totp', 'recovery_code'];
    expect(shown).toEqual({ id: shown?.id, step: 'second_factor', factors, locale: 'en', deletesAt: undefined });
    expect(await show(ticket, browserHash)).toEqual(shown);
    expect(await goIn(ticket, browserHash)).toMatchObject({ kind: 'done' });
    expect(await show(ticket, browserHash)).toBeUndefined();
  });

  it('is not shown once the grace period is over', async () => {
    const ticket = await begin({ browserHash, continueTo: '/account' });
    const deletesAt = addSeconds(now(), 60);
    await database().run(setGraceEnd, { userId: user.id, at: deletesAt });
    expect(await show(ticket, browserHash)).toMatchObject({ deletesAt });
    fixture.time.advance(60_000);
    expect(await show(ticket, browserHash)).toBeUndefined();
  });
});
