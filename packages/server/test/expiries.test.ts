/** Every expiry of the product takes effect when the clock reaches it, and not a millisecond earlier. */
import { beforeAll, describe, expect, it } from 'vitest';
import { type Purpose, tokenLifetimeSeconds } from '#domain/one-time-tokens/index.ts';
import { FixedClock } from '#kernel/clock.ts';
import { Application } from './support/application.ts';
import * as begin from './support/expiries.ts';
import { halfConfirmedChange } from './support/half-confirmed-change.ts';

/** Durations are reviewed by hand, never computed from the product. */
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
  mailbox_code: '600s',
  setup: '24h',
};

/** Rejected from this time on. */
const expiring: readonly Expiry[] = [
  { what: 'an access token', lasts: '900s', begin: begin.accessToken },
  { what: 'a refresh token', lasts: '7d', begin: begin.refreshToken },
  { what: 'the grace period of a rotated refresh token', lasts: '10s', begin: begin.refreshGrace },
  { what: 'an unused session', lasts: '7d', begin: begin.idleSession },
  { what: 'a session in use', lasts: `${30 - begin.usedSessionSpentDays}d`, begin: begin.usedSession },
  { what: 'a login ticket', lasts: '600s', begin: begin.loginTicket },
  { what: 'the ticket of a sign-up', lasts: '3600s', begin: begin.signUpTicket },
  { what: 'the memory of a completed sign-up', lasts: '60s', begin: begin.usedSignUpTicket },
  { what: 'a cached session', lasts: '300s', begin: begin.cachedSession },
  { what: 'a known device', lasts: '180d', begin: begin.knownDevice },
  { what: 'the grace period of a deletion', lasts: '7d', begin: begin.accountPendingDeletion },
  { what: 'an invitation', lasts: '7d', begin: begin.invitation },
  { what: 'a change of address confirmed by one of two addresses', lasts: '24h', begin: halfConfirmedChange },
  { what: 'an address released by its user', lasts: '72h', begin: begin.heldAddress },
  { what: 'a retired signing key in the JWKS', lasts: '3720s', begin: begin.retiredSigningKey },
  { what: 'the lead time of the next signing key', lasts: '360s', begin: begin.restOfNextSigningKey },
  { what: 'the lead time of a new data key', lasts: '60s', begin: begin.restOfNewDataKey },
  { what: 'the lease of a job', lasts: '60s', begin: begin.jobLease },
  ...Object.entries(links).map(([purpose, lasts]) => ({
    what: `a link or code: ${purpose}`,
    lasts,
    begin: begin.link(purpose as Purpose),
  })),
];

/** Swept when older than this. */
const swept: readonly Expiry[] = [
  { what: 'the row of a revoked session', lasts: '7d', begin: begin.endedSessionRow },
  { what: 'the rows of an unused session', lasts: '14d', begin: begin.idleSessionRow },
  { what: 'the row of a revocation', lasts: '3660s', begin: begin.revocationRow },
  { what: 'the row of a device', lasts: '180d', begin: begin.deviceRow },
  { what: 'the row of a 24-hour link', lasts: '8d', begin: begin.oneTimeTokenRow },
  { what: 'the row of an invitation', lasts: '14d', begin: begin.invitationRow },
  { what: 'a user who never verified an address', lasts: '7d', begin: begin.unverifiedUser },
  { what: 'failed attempts on an unknown address', lasts: '30d', begin: begin.unknownAttempts },
  { what: 'a dead letter', lasts: '30d', begin: begin.deadLetter },
  { what: 'a finished mail', lasts: '90d', begin: begin.finishedMail },
];

let app: Application;

beforeAll(async () => {
  // The clock moves only where the test moves it; nothing runs in the background.
  app = await Application.open({ time: new FixedClock(new Date('2026-03-01T12:00:00.000Z')), manual: true });
  return () => app.close();
});

const msOf = { s: 1000, h: 3_600_000, d: 86_400_000 } as const;

function milliseconds(lasts: string): number {
  return Number(lasts.slice(0, -1)) * msOf[lasts.slice(-1) as keyof typeof msOf];
}

/** Tokens have a resolution of one second. */
async function createOnTheSecond({ begin: create }: Expiry): Promise<begin.IsValid> {
  await begin.advanceTime(app, 1000 - app.clock.now().getMilliseconds());
  return create(app);
}

async function isValidAfter(expiry: Expiry, ms: number): Promise<boolean> {
  const isValid = await createOnTheSecond(expiry);
  await begin.advanceTime(app, ms);
  return isValid();
}

describe('rejects', () => {
  it.each(expiring)('$what after $lasts and not a millisecond earlier', async (expiry) => {
    const limit = milliseconds(expiry.lasts);
    expect(await isValidAfter(expiry, limit - 1)).toBe(true);
    expect(await isValidAfter(expiry, limit)).toBe(false);
  });
});

describe('sweeps', () => {
  it.each(swept)('$what when it is older than $lasts and not earlier', async (expiry) => {
    const limit = milliseconds(expiry.lasts);
    expect(await isValidAfter(expiry, limit)).toBe(true);
    expect(await isValidAfter(expiry, limit + 1)).toBe(false);
  });
});

describe('the table of expiries', () => {
  it('has an entry for every kind of link', () => {
    expect(Object.keys(links).sort()).toEqual(Object.keys(tokenLifetimeSeconds).sort());
  });
});
