/**
 * The revocation matrix cell by cell (invariant 4), on both databases: issues the credential, performs the effect, and
 * uses the credential. The same credentials of bystanders, issued before all effects, are valid after all of them.
 */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { tokenLifetimeSeconds } from '#domain/one-time-tokens/index.ts';
import { type Credential, credentials, type Effect, type Outcome, revocationMatrix } from '#domain/users/index.ts';
import { Application } from '../support/application.ts';
import { databasesOfFlows } from '../support/databases.ts';
import { loginMethodsEnabled } from '../support/login-by-mail.ts';
import { stopSharedProvider } from '../support/shared-provider.ts';
import { uniqueEmail } from '../support/user-actions.ts';
import {
  type ActingUser,
  addActingUser,
  changeEmailTo,
  deleteAccount,
  linkToken,
  startSession,
  submit,
  type Transport,
} from './acting-user.ts';
import { credentialProbes, type Probe } from './credentials.ts';
import { type EffectScenario, effectScenarios, type Timing } from './effects.ts';
import { expected } from './expected.ts';

interface Cell {
  readonly effect: Effect;
  readonly credential: Credential;
  readonly outcome: Outcome;
  readonly timing: Timing;
  readonly transport: Transport;
}

/** Every cell that applies, once for each timing and transport. */
function cellsOf(effect: Effect): Cell[] {
  const row = Object.entries(expected[effect]) as [Credential, Outcome][];
  return row
    .filter(([, outcome]) => outcome !== 'absent')
    .flatMap(([credential, outcome]) => {
      const timings = effectScenarios[effect].timings?.(credential) ?? ['before'];
      const transports: Transport[] = credential === 'acting_session' ? ['token', 'cookie'] : ['token'];
      return timings.flatMap((timing) =>
        transports.map((transport) => ({ effect, credential, outcome, timing, transport })),
      );
    });
}

const effects = Object.keys(effectScenarios) as Effect[];

/** One cell for each credential and each state of a user in which a cell issues it. */
function distinctStarts(): Cell[] {
  const startOf = ({ effect, timing, credential, transport }: Cell) => {
    const { createUser, prepare } = effectScenarios[effect];
    return [createUser, timing === 'after' ? prepare : undefined, credential, transport];
  };
  const distinct: Cell[] = [];
  for (const cell of effects.flatMap(cellsOf)) {
    const start = startOf(cell);
    if (!distinct.some((other) => startOf(other).every((part, index) => part === start[index]))) distinct.push(cell);
  }
  return distinct;
}

/** `later_revoked` concerns later credentials; earlier ones have a test of their own. */
function expectedOutcome({ outcome }: Cell): Outcome {
  return outcome === 'later_revoked' ? 'revoked' : outcome;
}

describe('the revocation matrix', () => {
  it('equals the reviewed one', () => {
    expect(revocationMatrix).toEqual(expected);
  });

  it('covers every kind of link', () => {
    expect(Object.keys(credentials)).toEqual(expect.arrayContaining(Object.keys(tokenLifetimeSeconds)));
  });
});

describe.each(databasesOfFlows)('revocation (%s)', (databaseKind) => {
  let app: Application;
  const bystanders: { readonly cell: Cell; readonly probe: Probe }[] = [];

  beforeAll(async () => {
    app = await Application.open({ databaseKind, env: loginMethodsEnabled });
    for (const cell of distinctStarts()) bystanders.push({ cell, probe: (await ready(cell)).probe });
  });

  afterAll(async () => {
    await stopSharedProvider(app);
    await app.close();
  });

  async function add(scenario: EffectScenario, transport: Transport): Promise<ActingUser> {
    if (scenario.createUser !== undefined) return scenario.createUser(app);
    const user = await addActingUser(app, transport);
    await startSession(user);
    return user;
  }

  /** Issues the credential to a user before the effect. */
  async function ready(cell: Cell): Promise<{ readonly user: ActingUser; readonly probe: Probe }> {
    const scenario = effectScenarios[cell.effect];
    const user = await add(scenario, cell.transport);
    if (cell.timing === 'after') await scenario.prepare?.(user);
    const probe = await credentialProbes[cell.credential](user);
    return { user, probe };
  }

  describe.each(effects)('%s', (effect) => {
    it.each(cellsOf(effect))('× $credential ($transport, issued $timing): $outcome', async (cell) => {
      const scenario = effectScenarios[effect];
      const { user, probe } = await ready(cell);
      if (cell.timing === 'before') await scenario.prepare?.(user);
      const response = await scenario.perform(user, cell.credential);
      expect(await probe(response)).toBe(expectedOutcome(cell));
    });
  });

  describe('undoing a change of address', () => {
    it('keeps the link valid that undoes an earlier change', async () => {
      const user = await addActingUser(app);
      await startSession(user);
      const tryEarlier = await credentialProbes.undo_email_change(user);
      await effectScenarios.undo_email_change.prepare?.(user);
      await effectScenarios.undo_email_change.perform(user, 'undo_email_change');
      expect(await tryEarlier()).toBe('valid');
    });

    it('keeps the link valid that cancels a deletion, when it was mailed to the restored address', async () => {
      const user = await addActingUser(app);
      const { email } = user;
      await startSession(user);
      await changeEmailTo(user, uniqueEmail('moved'));
      const undo = await linkToken(user, 'undo_email_change');
      await startSession(user);
      await changeEmailTo(user, email);
      await startSession(user);
      await deleteAccount(user);
      const cancel = await linkToken(user, 'cancel_deletion');
      await submit(user, 'undo-email-change', { token: undo, password: user.password });
      expect((await submit(user, 'cancel-deletion', { token: cancel })).status).toBe(200);
    });
  });

  it('leaves the credentials of bystanders valid, in every state in which a cell starts', async () => {
    const revoked: string[] = [];
    for (const { cell, probe } of bystanders) {
      if ((await probe()) !== 'valid') revoked.push(`${cell.credential} (${cell.transport}), before ${cell.effect}`);
    }
    expect(revoked).toEqual([]);
    expect(bystanders.length).toBeGreaterThan(80);
  });
});
