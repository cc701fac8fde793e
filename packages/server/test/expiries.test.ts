/** Every expiry of the product: it fires when the clock passes it, and not one millisecond before. */
import { beforeAll, describe, expect, it } from 'vitest';
import { type Purpose, tokenLifetimeSeconds } from '#domain/one-time-tokens/index.ts';
import { FixedClock } from '#kernel/clock.ts';
import { Application } from './support/application.ts';
import * as begin from './support/expiries.ts';
import { halfConfirmedChange } from './support/half-confirmed-change.ts';

/** Reviewed by hand, never computed from what it is compared with. */
interface Expiry {
  readonly what: string;
  readonly lasts: string;
  readonly begin: begin.CreateExpiring;
}

const links: Readonly<Record<Purpose, string>> = {
  verify_email: '24h',
  reset_password: '1h',
  confirm_email_change: '24h',
  undo_email_change: '72h',
  cancel_deletion: '90d',
  magic_link: '600s',
  email_code: '600s',
};

/** From its time on it is refused. */
const refused: readonly Expiry[] = [
  { what: 'an access token', lasts: '900s', begin: begin.accessToken },
  { what: 'a refresh token', lasts: '7d', begin: begin.refreshToken },
  { what: 'the grace of a refresh token that was used', lasts: '10s', begin: begin.refreshGrace },
  { what: 'a session that is not used', lasts: '7d', begin: begin.idleSession },
  { what: 'a session that stays in use', lasts: `${30 - begin.usedSessionSpentDays}d`, begin: begin.usedSession },
  { what: 'a login in progress', lasts: '600s', begin: begin.loginTicket },
  { what: 'what a node remembers of a session', lasts: '300s', begin: begin.cachedSession },
  { what: 'a known device', lasts: '180d', begin: begin.knownDevice },
  { what: 'the grace of an account that closes', lasts: '7d', begin: begin.accountPendingDeletion },
  { what: 'an invitation', lasts: '7d', begin: begin.invitation },
  { what: 'a change of address that one of two addresses confirmed', lasts: '24h', begin: halfConfirmedChange },
  { what: 'an address that its user gave up', lasts: '72h', begin: begin.heldAddress },
  { what: 'a retired signing key in the JWKS', lasts: '1020s', begin: begin.retiredSigningKey },
  { what: 'the rest of the next signing key', lasts: '360s', begin: begin.restOfNextSigningKey },
  { what: 'the rest of a new data key', lasts: '60s', begin: begin.restOfNewDataKey },
  { what: 'the lease of a job', lasts: '60s', begin: begin.jobLease },
  ...Object.entries(links).map(([purpose, lasts]) => ({
    what: `a link or code: ${purpose}`,
    lasts,
    begin: begin.link(purpose as Purpose),
  })),
];

/** Older than this it is swept. */
const swept: readonly Expiry[] = [
  { what: 'the row of an ended session', lasts: '7d', begin: begin.endedSessionRow },
  { what: 'the rows of a session that was not used', lasts: '14d', begin: begin.idleSessionRow },
  { what: 'the row of an ending', lasts: '960s', begin: begin.revocationRow },
  { what: 'the row of a device', lasts: '180d', begin: begin.deviceRow },
  { what: 'the row of a link of 24 hours', lasts: '8d', begin: begin.oneTimeTokenRow },
  { what: 'the row of an invitation', lasts: '14d', begin: begin.invitationRow },
  { what: 'a user who never proved an address', lasts: '7d', begin: begin.unverifiedUser },
  { what: 'failed attempts on an unknown address', lasts: '30d', begin: begin.unknownAttempts },
  { what: 'a dead letter', lasts: '30d', begin: begin.deadLetter },
  { what: 'a mail that came to its end', lasts: '90d', begin: begin.finishedMail },
];

let app: Application;

beforeAll(async () => {
  // Time stands still but for what is moved here; nothing runs by itself.
  app = await Application.open({ time: new FixedClock(new Date('2026-03-01T12:00:00.000Z')), manual: true });
  return () => app.close();
});

const msOf = { s: 1000, h: 3_600_000, d: 86_400_000 } as const;

function milliseconds(lasts: string): number {
  return Number(lasts.slice(0, -1)) * msOf[lasts.slice(-1) as keyof typeof msOf];
}

/** Tokens know whole seconds only. */
async function beginOnTheSecond({ begin: start }: Expiry): Promise<begin.IsValid> {
  await begin.advanceTime(app, 1000 - app.clock.now().getMilliseconds());
  return start(app);
}

async function standsAfter(expiry: Expiry, ms: number): Promise<boolean> {
  const stands = await beginOnTheSecond(expiry);
  await begin.advanceTime(app, ms);
  return stands();
}

describe('at its time ends', () => {
  it.each(refused)('$what, after $lasts and not a millisecond before', async (expiry) => {
    const limit = milliseconds(expiry.lasts);
    expect(await standsAfter(expiry, limit - 1)).toBe(true);
    expect(await standsAfter(expiry, limit)).toBe(false);
  });
});

describe('is swept', () => {
  it.each(swept)('$what, when it is older than $lasts and not before', async (expiry) => {
    const limit = milliseconds(expiry.lasts);
    expect(await standsAfter(expiry, limit)).toBe(true);
    expect(await standsAfter(expiry, limit + 1)).toBe(false);
  });
});

describe('the table', () => {
  it('has a line for every kind of link', () => {
    expect(Object.keys(links).sort()).toEqual(Object.keys(tokenLifetimeSeconds).sort());
  });
});
