import { beforeAll, beforeEach, expect, it } from 'vitest';
import { scheduleDeletion } from '#domain/users/index.ts';
import { present } from '#kernel/assert.ts';
import { addSeconds } from '#kernel/clock.ts';
import { describeOnBothDatabases } from '#test/support/databases.ts';
import type { TestUser } from '#test/support/domain-fixture.ts';
import {
  addAuthenticator,
  addPasswordUser,
  addRecoveryCodes,
  type GateFixture,
  openGateFixture,
} from '#test/support/gate-fixture.ts';
import { showLogin } from './show-login.ts';
import { consumeTicket, issueTicket, ticketLifetimeSeconds } from './tickets.ts';

const browserHash = Buffer.alloc(32, 1);
const password = { amr: 'pwd', kind: 'knowledge', userVerified: false, factorTime: 'pwd' } as const;

describeOnBothDatabases('a login in progress, as a page shows it', (database) => {
  let fixture: GateFixture;
  let user: TestUser;

  beforeAll(async () => {
    fixture = await openGateFixture(database());
  });

  beforeEach(async () => {
    user = await addPasswordUser(fixture);
  });

  const now = () => fixture.clock.now();
  const show = (text: string, browser: Buffer | undefined = browserHash) =>
    showLogin(fixture.gate, { text, browserHash: browser }, now());

  async function issue(authEpoch = 1) {
    const proven = [{ ...password, at: now().toISOString() }];
    const origin = { browserHash, continueTo: '/account' };
    const session = { clientId: fixture.client.id, transport: 'cookie' } as const;
    const login = { userId: user.id, authEpoch, ...session, proven, beganAt: now(), ...origin };
    const ticket = await database().transaction((tx) => issueTicket(tx, fixture.gate.makeId, login, now()));
    return present(ticket, 'a ticket');
  }

  it('has the id of its ticket, the step, the factors of the user and their language', async () => {
    await addAuthenticator(fixture, user);
    const ticket = await issue();
    const shown = { id: ticket.id, step: 'second_factor', factors: ['totp'], deletesAt: undefined };
    expect(await show(ticket.text)).toMatchObject(shown);
    expect(await show(ticket.text)).toMatchObject(shown);
    await addRecoveryCodes(fixture, user);
    expect((await show(ticket.text))?.factors).toEqual(['totp', 'recovery_code']);
    expect((await show(ticket.text))?.locale).toBe('en');
  });

  it('has the step of the facts as they are now', async () => {
    const { text } = await issue();
    expect((await show(text))?.step).toBe('done');
    await addAuthenticator(fixture, user);
    expect((await show(text))?.step).toBe('second_factor');
  });

  it('has the end of the grace period of a pending deletion, and is gone once that is over', async () => {
    const deletesAt = addSeconds(now(), 60);
    await database().transaction((tx) => scheduleDeletion(tx, { userId: user.id, deletesAt, now: now() }));
    const { text } = await issue(2);
    expect(await show(text)).toMatchObject({ step: 'cancel_deletion', deletesAt });
    fixture.time.advance(60_000);
    expect(await show(text)).toBeUndefined();
  });

  it('is not shown to another browser, nor to none', async () => {
    const { text } = await issue();
    expect(await show(text, Buffer.alloc(32, 2))).toBeUndefined();
    expect(await showLogin(fixture.gate, { text }, now())).toBeUndefined();
    expect(await show(text)).toBeDefined();
  });

  it.each(['', 'lk_lt_', `lk_lt_${'A'.repeat(49)}`])('does not exist for %j', async (text) => {
    expect(await show(text)).toBeUndefined();
  });

  it('is gone when its ticket is used, expired or of an earlier epoch', async () => {
    const used = await issue();
    await database().transaction((tx) => consumeTicket(tx, { text: used.text, browserHash, userId: user.id }, now()));
    expect(await show(used.text)).toBeUndefined();
    const late = await issue();
    fixture.time.advance(ticketLifetimeSeconds * 1000);
    expect(await show(late.text)).toBeUndefined();
    const stale = await issue();
    await database().transaction((tx) => fixture.users.raiseEpoch(tx, user.id));
    expect(await show(stale.text)).toBeUndefined();
  });
});
