import { describe, expect, it } from 'vitest';
import { addSeconds, type Clock, FixedClock } from './clock.ts';
import { DeploymentClock, describeSkew } from './deployment-clock.ts';

const start = new Date('2026-03-01T12:00:00.000Z');

/** A machine whose clock is `aheadSeconds` ahead of the database's; both advance together. */
function skewed(aheadSeconds: number) {
  const database = new FixedClock(start);
  let ahead = aheadSeconds;
  const machine: Clock = { now: () => addSeconds(database.now(), ahead), monotonicMs: () => database.monotonicMs() };
  const roundTripsMs: number[] = [];
  const readTime = async () => {
    const roundTripMs = roundTripsMs.shift() ?? 2;
    database.advance(roundTripMs / 2);
    const at = database.now();
    database.advance(roundTripMs / 2);
    return at;
  };
  return {
    database,
    clock: new DeploymentClock(machine),
    readTime,
    roundTripsMs,
    stepTo: (to: number) => (ahead = to),
  };
}

const year = 365 * 24 * 3600;
const differenceMs = ({ clock, database }: ReturnType<typeof skewed>) =>
  Math.abs(clock.now().getTime() - database.now().getTime());

describe('DeploymentClock', () => {
  it.each([6, -6, 3600, -3600, year, -year])('follows the database when the machine is off by %d s', async (ahead) => {
    const node = skewed(ahead);
    expect(differenceMs(node)).toBe(Math.abs(ahead) * 1000);
    await node.clock.follow(node.readTime);
    expect(differenceMs(node)).toBeLessThanOrEqual(1);
    expect(Math.round(node.clock.skewMs / 1000)).toBe(ahead);
    node.database.advance(60_000);
    expect(differenceMs(node)).toBeLessThanOrEqual(1);
  });

  it('ignores every later step of the machine’s clock', async () => {
    const node = skewed(0);
    await node.clock.follow(node.readTime);
    node.stepTo(year);
    expect(differenceMs(node)).toBe(0);
    await node.clock.follow(node.readTime);
    expect(differenceMs(node)).toBeLessThanOrEqual(1);
  });

  it('keeps the machine’s time while the clocks agree, although the answer took long', async () => {
    const node = skewed(0.2);
    node.roundTripsMs.push(3000, 3000, 3000);
    await node.clock.follow(node.readTime);
    expect(differenceMs(node)).toBe(200);
    expect(node.clock.skewMs).toBe(0);
  });

  it('believes the fastest of three slow measurements', async () => {
    const node = skewed(3600);
    node.roundTripsMs.push(4000, 300, 2000);
    await node.clock.follow(node.readTime);
    expect(differenceMs(node)).toBeLessThanOrEqual(1);
    expect(node.clock.skewMs).toBeGreaterThan(3_599_000);
  });

  it('keeps its time when the database cannot be read', async () => {
    const node = skewed(3600);
    await node.clock.follow(node.readTime);
    await expect(node.clock.follow(() => Promise.reject(new Error('unavailable')))).rejects.toThrow('unavailable');
    expect(differenceMs(node)).toBeLessThanOrEqual(1);
  });
});

describe('describeSkew', () => {
  it.each([
    [6000, '6.0 s ahead of'],
    [-3_600_000, '3,600.0 s behind'],
  ])('%d ms is "%s"', (skewMs, sentence) => {
    expect(describeSkew(skewMs)).toBe(sentence);
  });
});
