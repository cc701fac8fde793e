import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { declaredProblems } from './declared-problems.ts';
import { checkResponses, readObservedResponses } from './observed-responses.ts';

const reviewed = {
  shared: ['busy'],
  beforeOperations: ['request_timeout'],
  neverObserved: ['a.do outcome_unknown'],
  minimum: 10,
};
const declare = (code: string, status: number) => ({ operation: 'a.do', status, code });
const declared = [
  declare('not_found', 404),
  declare('busy', 503),
  declare('request_timeout', 408),
  declare('outcome_unknown', 503),
];
const enough = new Map([
  ['a.do 200', 8],
  ['a.do 404 not_found', 1],
  ['b.do 503 busy', 1],
]);

it('accepts a run that observed everything required', () => {
  expect(checkResponses(enough, declared, reviewed)).toEqual([]);
});

it('reports a declared problem that was not observed', () => {
  const seen = new Map([['a.do 200', 10]]);
  expect(checkResponses(seen, declared, reviewed)).toEqual([
    'no operation returned busy',
    'a.do declares not_found, which no test observed',
  ]);
});

it('rejects an empty run', () => {
  expect(checkResponses(new Map(), [], reviewed)).toEqual([
    '0 responses were observed; 10 is the minimum',
    'no operation returned busy',
  ]);
});

it('reports an exception that is no longer needed', () => {
  const seen = new Map([...enough, ['a.do 503 outcome_unknown', 1]]);
  expect(checkResponses(seen, declared, reviewed)).toEqual(['a.do returned outcome_unknown: remove its exception']);
});

it('sums the counts of all processes', () => {
  const directory = mkdtempSync(join(tmpdir(), 'latchkey-responses-'));
  writeFileSync(join(directory, '1.jsonl'), '{"a.do 200":1}\n{"a.do 200":2}\n');
  writeFileSync(join(directory, '2.jsonl'), '{"a.do 200":4,"b.do 200":1}\n');
  expect(readObservedResponses(directory)).toEqual(
    new Map([
      ['a.do 200', 7],
      ['b.do 200', 1],
    ]),
  );
  rmSync(directory, { recursive: true });
});

it('reads the declared problems from OpenAPI', () => {
  const all = declaredProblems('docs/reference/openapi.json');
  expect(all.length).toBeGreaterThan(300);
  expect(all).toContainEqual({ operation: 'login.password', status: 401, code: 'invalid_credentials' });
});
