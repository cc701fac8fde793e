/** No 2xx without its effect, no effect without its audit row and its mail job, wherever the way to the database breaks. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { commands } from '#app/cli/list.ts';
import { accounts } from './accounts.ts';
import { byMail } from './by-mail.ts';
import { entering } from './entering.ts';
import { interruptEverywhere } from './interrupt.ts';
import { jobs } from './jobs.ts';
import { operating } from './operating.ts';
import type { OpenPlace, Place } from './places.ts';
import { sessions } from './sessions.ts';

const scenarios = [...entering, ...byMail, ...sessions, ...accounts, ...operating, ...jobs];

/** Reviewed by hand: these commands of the services only read. */
const readingCommands = ['user show', 'user list', 'invite list', 'client origins', 'keys list'];

/** Moves the clock and no row. */
const withoutRows = ['dev.move_clock'];

/** Declares the tests over one kind of database; each has a file of its own, so that they run beside each other. */
export function describeEveryStatement(kind: string, open: OpenPlace): void {
  describe(`over ${kind}, broken before and after every statement`, () => {
    let place: Place;

    beforeAll(async () => {
      place = await open();
    });

    afterAll(() => place[Symbol.asyncDispose]());

    it.each(scenarios)('is done whole or not at all, and right when asked again: $name', async (scenario) => {
      const { interruptions, faults } = await interruptEverywhere(place, scenario);
      expect(faults).toEqual([]);
      expect(interruptions).toBeGreaterThan(0);
    });

    it('is so for every operation and command that changes anything', () => {
      const changing = place.app.endpoints.filter(({ method }) => method !== 'GET').map(({ id }) => id);
      const typed = commands.filter(({ needs }) => needs === 'services').map(({ name }) => name);
      const wanted = [...changing, 'verify_email.press_by_get', ...typed];
      const left = [...withoutRows, ...readingCommands];
      const covered = new Set(
        scenarios.map(({ name }) => name.replace(/,.*/, '')).filter((name) => !name.startsWith('job ')),
      );
      expect([...covered].sort()).toEqual(wanted.filter((name) => !left.includes(name)).sort());
    });
  });
}
