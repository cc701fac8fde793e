import { beforeEach, describe, expect, it } from 'vitest';
import { FixedClock } from '#kernel/clock.ts';
import { createLogger } from '#platform/telemetry/index.ts';
import { Dependencies } from './index.ts';

interface Line {
  readonly level: string;
  readonly msg: string;
  readonly component: string;
  readonly detail?: string;
}

let clock: FixedClock;
let lines: Line[];
let dependencies: Dependencies;

beforeEach(() => {
  clock = new FixedClock(new Date('2026-01-02T03:04:05.000Z'));
  lines = [];
  const destination = { write: (line: string) => void lines.push(JSON.parse(line) as Line) };
  dependencies = new Dependencies({
    clock,
    logger: createLogger({ level: 'info', service: 'test', version: '0', destination }),
  });
});

const shown = () => lines.map(({ level, component, detail }) => [level, component, detail].join(' ').trimEnd());

describe('a refusal', () => {
  it('is logged at warn once in 30 s for each reason and service, however often it happens', () => {
    for (let second = 0; second < 60; second += 1) {
      for (let request = 0; request < 100; request += 1) dependencies.refused('redis', 'READONLY');
      clock.advance(1000);
    }
    dependencies.refused('redis', 'LOADING');
    dependencies.refused('smtp', 'READONLY');
    expect(shown()).toEqual(['warn redis READONLY', 'warn redis READONLY', 'warn redis LOADING', 'warn smtp READONLY']);
  });

  it('has at most ten lines in 30 s for a service, although each reason is different', () => {
    for (let port = 0; port < 1000; port += 1) dependencies.refused('postgresql', `refused at port ${port}`);
    expect(lines).toHaveLength(10);
    expect(dependencies.reason('postgresql')).toBe('refused at port 999');
  });

  it('contains no address, query or credentials, in the log and in the reason', () => {
    dependencies.refused('smtp', '550 <ada@example.org> unknown, see https://user:pass@relay.example/x?token=abc');
    expect([dependencies.reason('smtp'), lines[0]?.detail].join()).not.toMatch(/ada@|pass|token=/);
    expect(lines[0]?.detail).toContain('550');
  });

  it('is the state of the service until it works, which is logged once', () => {
    dependencies.works('redis');
    dependencies.refused('redis', 'OOM');
    expect([dependencies.reason('redis'), dependencies.reason('smtp')]).toEqual(['OOM', undefined]);
    dependencies.works('redis');
    dependencies.works('redis');
    expect(dependencies.reason('redis')).toBeUndefined();
    expect(shown()).toEqual(['warn redis OOM', 'info redis']);
  });

  it('of one item is logged, and the service counts as working', () => {
    for (let mail = 0; mail < 5; mail += 1) dependencies.rejected('smtp', '550 no such user');
    expect([shown(), dependencies.reason('smtp')]).toEqual([['warn smtp 550 no such user'], undefined]);
  });
});
