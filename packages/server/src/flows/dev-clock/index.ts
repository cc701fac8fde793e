/**
 * The movable clock for development, so that expiries can be tested without waiting. Owns `/dev/clock`; no tables.
 *
 * Invariants:
 * - The routes exist only outside production and respond only to loopback clients.
 * - The clock of this process moves, not that of any other node.
 * - The clock only moves forward: moving it back would make expired credentials active again.
 *
 * Example: `POST /dev/clock {"advance":"31d"}` expires every session and runs the jobs that were due in those 31 days.
 */
import { z } from 'zod';
import { apiEndpoint, documentEndpoint, type Endpoint } from '#platform/http/index.ts';
import { durationInput } from './duration.ts';
import { type DevClock, moveClock } from './move-clock.ts';

export type { DevClock } from './move-clock.ts';

const path = '/dev/clock';

export function devClockEndpoints(flow: DevClock): readonly Endpoint[] {
  return [
    documentEndpoint({
      id: 'dev.clock',
      method: 'GET',
      path,
      summary: 'Development, operator’s listener: the time of this process and its offset from the system clock',
      rateLimit: 'none',
      loopbackOnly: true,
      problems: [],
      contentType: 'application/json; charset=utf-8',
      openToCors: false,
      cacheSeconds: 0,
      handler: async () => ({ status: 200, body: JSON.stringify(clockState(flow)) }),
    }),
    apiEndpoint({
      id: 'dev.move_clock',
      method: 'POST',
      path,
      tag: 'development',
      summary: 'Development, operator’s listener: advance the clock of this process, by `90s`, `15m`, `12h` or `31d`',
      auth: { principals: ['public'] },
      rateLimit: 'none',
      loopbackOnly: true,
      request: { body: z.strictObject({ advance: durationInput }) },
      response: {
        status: 200,
        message: 'The clock was moved',
        data: z.object({ now: z.iso.datetime(), advancedSeconds: z.int() }),
        example: { now: '2026-01-03T03:04:05.000Z', advancedSeconds: 86_400 },
      },
      problems: [],
      handler: async ({ body }) => {
        await moveClock(flow, body.advance);
        return { data: clockState(flow) };
      },
    }),
  ];
}

function clockState({ clock }: DevClock) {
  return { now: clock.now().toISOString(), advancedSeconds: Math.round(clock.offsetMs / 1000) };
}
