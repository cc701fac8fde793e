import { beforeAll, beforeEach, expect, it } from 'vitest';
import { scheduleDeletion } from '#domain/users/index.ts';
import { addSeconds } from '#kernel/clock.ts';
import { describeOnBothDatabases } from '#test/support/databases.ts';
import type { TestUser } from '#test/support/domain-fixture.ts';
import {
  addAuthenticator,
  addPasswordUser,
  countFailures,
  failuresOf,
  type GateFixture,
  mailedProof,
  openGateFixture,
  openTicketsOf,
  passwordProof,
  requester,
  sessionsOf,
} from '#test/support/gate-fixture.ts';
import { completeStep, continueLogin, type FirstProof, startLogin } from './decide.ts';
import { reserveSecondFactor } from './second-factor-guess.ts';

const browserHash = Buffer.alloc(32, 1);
const otherBrowser = Buffer.alloc(32, 2);
const continueTo = '/account/security';

describeOnBothDatabases('a login that a page began', (database) => {
  let fixture: GateFixture;
  let user: TestUser;

  beforeAll(async () => {
    fixture = await openGateFixture(database());
  });

  beforeEach(async () => {
    user = await addPasswordUser(fixture);
  });

  const now = () => fixture.clock.now();

  function start(proof: FirstProof) {
    const options = { transport: 'cookie', deviceToken: undefined, browserHash, continueTo } as const;
    return startLogin(fixture.gate, proof, options, requester);
  }

  async function begin(): Promise<string> {
    const result = await start(await passwordProof(fixture, user));
    if (result.kind !== 'step_required') throw new Error('the login needs no further step');
    return result.ticket.text;
  }

  it.each(['password', 'magic_link'] as const)('by %s leads to where it was to lead', async (by) => {
    const proof = by === 'password' ? await passwordProof(fixture, user) : await mailedProof(fixture, user, by);
    expect(await start(proof as FirstProof)).toMatchObject({ kind: 'done', continueTo });
  });

  it('of the API leads nowhere', async () => {
    const options = { transport: 'token', deviceToken: undefined } as const;
    const result = await startLogin(fixture.gate, await passwordProof(fixture, user), options, requester);
    expect(result).toMatchObject({ kind: 'done', continueTo: null });
  });

  it('goes on in its own browser only, and elsewhere nothing is consumed or counted', async () => {
    const { secretId } = await addAuthenticator(fixture, user);
    const ticket = await begin();
    await countFailures(fixture, user, 'second_factor', 0);
    const proof = { by: 'totp', userId: user.id, secretId, step: 1 } as const;
    const deviceToken = undefined;
    for (const elsewhere of [otherBrowser, undefined]) {
      const options = { deviceToken, browserHash: elsewhere };
      await expect(continueLogin(fixture.gate, ticket, proof, options, requester)).rejects.toMatchObject({
        code: 'invalid_ticket',
      });
      const guess = { ticket, browserHash: elsewhere, deviceId: undefined };
      await expect(reserveSecondFactor(database(), guess, now())).rejects.toMatchObject({ code: 'invalid_ticket' });
    }
    expect(await failuresOf(fixture, user, 'second_factor')).toBe(0);
    expect([await openTicketsOf(fixture, user), await sessionsOf(fixture, user)]).toEqual([1, []]);
    const guess = await reserveSecondFactor(database(), { ticket, browserHash, deviceId: undefined }, now());
    expect(guess).toMatchObject({ userId: user.id, number: 1 });
    const own = { deviceToken, browserHash };
    const result = await continueLogin(fixture.gate, ticket, proof, own, requester);
    expect(result).toMatchObject({ kind: 'done', continueTo });
  });

  it('carries its browser and its destination on to the ticket of the next step', async () => {
    const { secretId } = await addAuthenticator(fixture, user);
    const deletesAt = addSeconds(now(), 3600);
    await database().transaction((tx) => scheduleDeletion(tx, { userId: user.id, deletesAt, now: now() }));
    const ticket = await begin();
    const proof = { by: 'totp', userId: user.id, secretId, step: 1 } as const;
    const options = { deviceToken: undefined, browserHash };
    const next = await continueLogin(fixture.gate, ticket, proof, options, requester);
    if (next.kind !== 'step_required') throw new Error('the deletion is not pending');
    expect(next.step).toBe('cancel_deletion');
    const { text } = next.ticket;
    const taken: unknown[] = [];
    const work = async (_tx: unknown, login: object) => {
      taken.push(login);
    };
    for (const elsewhere of [{ browserHash: otherBrowser }, {}]) {
      await expect(completeStep(fixture.gate, text, 'cancel_deletion', work, elsewhere)).rejects.toMatchObject({
        code: 'invalid_ticket',
      });
    }
    expect(taken).toEqual([]);
    await completeStep(fixture.gate, text, 'cancel_deletion', work, { browserHash });
    expect(taken).toMatchObject([{ userId: user.id, browserHash, continueTo }]);
  });
});
