/**
 * Time that a developer can move: what expires in a month is tested in a second. Owns `/dev/clock`.
 * It exists only outside production; only this machine reaches it. It moves this process's clock and no other node's,
 * and only forward: a clock that went back would bring to life what has ended.
 */
import { z } from 'zod';
import { apiEndpoint, documentEndpoint, type Endpoint } from '#platform/http/index.ts';
import { durationInput } from './duration.ts';
import { type DevClock, moveClock } from './move-clock.ts';

export type { DevClock } from './move-clock.ts';

const path = '/dev/clock';

/** The endpoints of this flow. */
export function devClockEndpoints(flow: DevClock): readonly Endpoint[] {
  return [
    documentEndpoint({
      id: 'dev.clock',
      method: 'GET',
      path,
      summary: 'Development: what time it is here, and how far it was moved',
      rateLimit: 'none',
      loopbackOnly: true,
      problems: [],
      contentType: 'application/json; charset=utf-8',
      openToCors: false,
      cacheSeconds: 0,
      handler: async () => ({ status: 200, body: JSON.stringify(describe(flow)) }),
    }),
    apiEndpoint({
      id: 'dev.move_clock',
      method: 'POST',
      path,
      tag: 'development',
      summary: 'Development: move the time of this process forward, by `90s`, `15m`, `12h` or `31d`',
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
        return { data: describe(flow) };
      },
    }),
  ];
}

function describe({ clock }: DevClock) {
  return { now: clock.now().toISOString(), advancedSeconds: Math.round(clock.offsetMs / 1000) };
}
