/** No 2xx without its effect, and no effect without its audit event and mail job, whichever of the interrupted statements fails. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { commands } from '#app/cli/list.ts';
import { accountPages } from './account-pages.ts';
import { accounts } from './accounts.ts';
import { adminCommands } from './admin-commands.ts';
import type { FaultyApplication, OpenFaultyApplication } from './faulty-application.ts';
import { interruptScenario } from './interrupt.ts';
import type { InterruptionPoint } from './interruption-points.ts';
import { jobs } from './jobs.ts';
import { loginSteps } from './login-steps.ts';
import { mailLogins } from './mail-logins.ts';
import { passkeys } from './passkeys.ts';
import { providers } from './providers.ts';
import { registrations } from './registrations.ts';
import { secondFactors } from './second-factors.ts';
import { sessions } from './sessions.ts';

const scenarios = [
  ...registrations,
  ...mailLogins,
  ...secondFactors,
  ...passkeys,
  ...providers,
  ...loginSteps,
  ...sessions,
  ...accounts,
  ...accountPages,
  ...adminCommands,
  ...jobs,
];

/** Reviewed by hand: these commands only read. */
const readOnlyCommands = [
  'user show',
  'user factors',
  'user list',
  'invite list',
  'client origins',
  'keys list',
  'provider list',
  'provider test',
];

/** They write no row: they move the clock, compute a challenge or a nonce, or lead the form of a provider on. */
const withoutRows = ['dev.move_clock', 'login.passkey_options', 'login.id_token_nonce', 'login.provider_form_callback'];

/** The short form: sign-ups, logins and jobs, which a new installation does first. */
const firstSteps = [...registrations, ...sessions, ...jobs];

/**
 * A statement that follows the same statement in many scenarios is interrupted there once, and each scenario always after its last
 * write, whose effect exists although the request fails; after a read only if nothing is written. With this variable, which
 * `npm run prove statements` sets, each scenario is interrupted everywhere.
 */
const isProof = process.env.STATEMENTS_EVERYWHERE === '1';

/**
 * Declares the tests for one database; each database has its own file, so that they run in parallel.
 *
 * @param form `short` leaves out what is the same code on the other database, except in the proof: scenarios, and interruptions
 * elsewhere than around the last write.
 */
export function describeEveryStatement(kind: string, open: OpenFaultyApplication, form: 'whole' | 'short'): void {
  const isWhole = form === 'whole' || isProof;
  const tested = isWhole ? scenarios : firstSteps;

  describe(`on ${kind}, with a failure before and after every statement`, () => {
    const interrupted = new Set<string>();
    let deployment: FaultyApplication;

    beforeAll(async () => {
      deployment = await open();
    });

    afterAll(() => deployment[Symbol.asyncDispose]());

    it.each(tested)('is atomic and succeeds on retry: $name', async (scenario) => {
      const isChosen = ({ between, isWrite, isLastWrite, timing }: InterruptionPoint) => {
        if (!isWhole && !isLastWrite) return false;
        if (!isProof && timing === 'after' && !isWrite && !isLastWrite) return false;
        if (interrupted.has(between)) return isProof || (isLastWrite && timing === 'after');
        interrupted.add(between);
        return true;
      };
      const { interruptions, faults } = await interruptScenario(deployment, scenario, isChosen);
      expect(faults).toEqual([]);
      expect(interruptions).toBeGreaterThan(0);
    });

    it('interrupts each sequence of statements', () => {
      expect(interrupted.size).toBeGreaterThan(isWhole ? 200 : 20);
    });

    if (!isWhole) return;

    it('covers every operation and command that writes', () => {
      const changing = deployment.app.endpoints.filter(({ method }) => method !== 'GET');
      const writing = changing.map(({ id }) => id);
      const serviceCommands = commands.filter(({ needs }) => needs === 'services').map(({ name }) => name);
      const byGet = ['verify_email.press_by_get', 'login.provider_callback'];
      const expected = [...writing, ...byGet, ...serviceCommands];
      const excluded = [...withoutRows, ...readOnlyCommands];
      const covered = new Set(
        tested.map(({ name }) => name.replace(/,.*/, '')).filter((name) => !name.startsWith('job ')),
      );
      expect([...covered].sort()).toEqual(expected.filter((name) => !excluded.includes(name)).sort());
    });
  });
}
