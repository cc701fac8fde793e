import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { declaredProblems } from './declared-problems.ts';
import { judgeAnswers, readSeenAnswers } from './seen-answers.ts';

const reviewed = {
  shared: ['busy'],
  beforeOperations: ['request_timeout'],
  neverSeen: ['a.do outcome_unknown'],
  least: 10,
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

it('is content with a run that saw everything that it must', () => {
  expect(judgeAnswers(enough, declared, reviewed)).toEqual([]);
});

it('names what was declared and never seen', () => {
  const seen = new Map([['a.do 200', 10]]);
  expect(judgeAnswers(seen, declared, reviewed)).toEqual([
    'busy was answered nowhere',
    'a.do declares not_found, which it was never seen to answer',
  ]);
});

it('is not content with an empty run', () => {
  expect(judgeAnswers(new Map(), [], reviewed)).toEqual([
    '0 answers were looked at; 10 is the least',
    'busy was answered nowhere',
  ]);
});

it('names an exception that is none', () => {
  const seen = new Map([...enough, ['a.do 503 outcome_unknown', 1]]);
  expect(judgeAnswers(seen, declared, reviewed)).toEqual([
    'a.do answered outcome_unknown: it is no exception any more',
  ]);
});

it('adds up the books of all processes', () => {
  const directory = mkdtempSync(join(tmpdir(), 'latchkey-answers-'));
  writeFileSync(join(directory, '1.jsonl'), '{"a.do 200":1}\n{"a.do 200":2}\n');
  writeFileSync(join(directory, '2.jsonl'), '{"a.do 200":4,"b.do 200":1}\n');
  expect(readSeenAnswers(directory)).toEqual(
    new Map([
      ['a.do 200', 7],
      ['b.do 200', 1],
    ]),
  );
  rmSync(directory, { recursive: true });
});

it('reads what is declared', () => {
  const all = declaredProblems('docs/reference/openapi.json');
  expect(all.length).toBeGreaterThan(300);
  expect(all).toContainEqual({ operation: 'login.password', status: 401, code: 'invalid_credentials' });
});
