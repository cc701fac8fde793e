/**
 * What ends what, cell by cell (invariant 4), on both databases: each thing is made as its owner makes it, the effect
 * happens as it happens to people, and then the thing is tried. In every cell the same thing of a neighbour lives on.
 */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { tokenLifetimeSeconds } from '#domain/one-time-tokens/index.ts';
import { type Credential, credentials, type Effect, type Outcome, revocationMatrix } from '#domain/users/index.ts';
import { Application } from '../support/application.ts';
import { loginMethodsEnabled } from '../support/login-by-mail.ts';
import { uniqueEmail } from '../support/user-actions.ts';
import { makers, type Trial } from './credentials.ts';
import { type Happening, happenings, type Moment } from './effects.ts';
import { expected } from './expected.ts';
import { act, addSomebody, close, link, moveTo, type Somebody, type Transport, tell } from './somebody.ts';

interface Cell {
  readonly effect: Effect;
  readonly thing: Credential;
  readonly fate: Outcome;
  readonly moment: Moment;
  readonly transport: Transport;
}

/** Every cell that can happen, once for each way in which it can. */
function cellsOf(effect: Effect): Cell[] {
  const row = Object.entries(expected[effect]) as [Credential, Outcome][];
  return row
    .filter(([, fate]) => fate !== 'absent')
    .flatMap(([thing, fate]) => {
      const moments = happenings[effect].moments?.(thing) ?? ['before'];
      const transports: Transport[] = thing === 'acting_session' ? ['token', 'cookie'] : ['token'];
      return moments.flatMap((moment) => transports.map((transport) => ({ effect, thing, fate, moment, transport })));
    });
}

/** `later_ends` says so of the later ones; the earlier are tried by themselves. */
function fateOf({ fate }: Cell): Outcome {
  return fate === 'later_ends' ? 'ends' : fate;
}

describe('the table of what ends', () => {
  it('is the one that was reviewed', () => {
    expect(revocationMatrix).toEqual(expected);
  });

  it('has every kind of link', () => {
    expect(Object.keys(credentials)).toEqual(expect.arrayContaining(Object.keys(tokenLifetimeSeconds)));
  });
});

describe.each(['postgres', 'embedded'] as const)('what ends (%s)', (on) => {
  let app: Application;

  beforeAll(async () => {
    app = await Application.open({ databaseKind: on, env: loginMethodsEnabled });
  });

  afterAll(() => app.close());

  async function add(happening: Happening, transport: Transport): Promise<Somebody> {
    if (happening.person !== undefined) return happening.person(app);
    const somebody = await addSomebody(app, transport);
    await act(somebody);
    return somebody;
  }

  /** The thing of somebody to whom the effect is about to happen. */
  async function ready(cell: Cell): Promise<{ readonly somebody: Somebody; readonly trial: Trial }> {
    const happening = happenings[cell.effect];
    const somebody = await add(happening, cell.transport);
    if (cell.moment === 'after') await happening.prepare?.(somebody);
    const trial = await makers[cell.thing](somebody);
    return { somebody, trial };
  }

  describe.each(Object.keys(happenings) as Effect[])('%s', (effect) => {
    it.each(cellsOf(effect))('× $thing ($transport, made $moment): $fate', async (cell) => {
      const happening = happenings[effect];
      const { somebody, trial } = await ready(cell);
      const neighbour = await ready(cell);
      if (cell.moment === 'before') await happening.prepare?.(somebody);
      const answer = await happening.perform(somebody, cell.thing);
      expect(await trial(answer)).toBe(fateOf(cell));
      expect(await neighbour.trial()).toBe('lives');
    });
  });

  describe('taking an address back', () => {
    it('leaves the link alive that takes back an earlier one', async () => {
      const somebody = await addSomebody(app);
      await act(somebody);
      const tryEarlier = await makers.undo_email_change(somebody);
      await happenings.undo_email_change.prepare?.(somebody);
      await happenings.undo_email_change.perform(somebody, 'undo_email_change');
      expect(await tryEarlier()).toBe('lives');
    });

    it('leaves the link alive that keeps the account, when it was mailed to the address that comes back', async () => {
      const somebody = await addSomebody(app);
      const { email } = somebody;
      await act(somebody);
      await moveTo(somebody, uniqueEmail('moved'));
      const undo = await link(somebody, 'undo_email_change');
      await act(somebody);
      await moveTo(somebody, email);
      await act(somebody);
      await close(somebody);
      const keep = await link(somebody, 'cancel_deletion');
      await tell(somebody, 'undo-email-change', { token: undo, password: somebody.password });
      expect((await tell(somebody, 'cancel-deletion', { token: keep })).status).toBe(200);
    });
  });
});
