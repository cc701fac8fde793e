import { describe, expect, it } from 'vitest';
import { Problem, type ProblemCode, problems } from './problem.ts';

const codes = Object.keys(problems) as ProblemCode[];

describe('the table of problems', () => {
  it('has codes in snake_case, a status of refusals, a title and whole sentences', () => {
    expect(codes.length).toBeGreaterThan(20);
    for (const code of codes) {
      const { status, title, detail } = problems[code];
      expect(code).toMatch(/^[a-z]+(?:_[a-z]+)*$/);
      expect([code, status >= 400 && status < 600]).toEqual([code, true]);
      expect(title).toMatch(/^[A-Z][\w ’',:-]+$/);
      expect(detail).toMatch(/^[A-Z].{10,}\.$/);
    }
  });

  it('has no title twice', () => {
    expect(new Set(codes.map((code) => problems[code].title)).size).toBe(codes.length);
  });
});

describe('Problem', () => {
  it('carries its code, the table’s status and nothing else unless told to', () => {
    const problem = new Problem('busy');
    expect(problem).toBeInstanceOf(Error);
    expect(problem).toMatchObject({ name: 'Problem', message: 'busy', code: 'busy', status: problems.busy.status });
    expect([problem.errors, problem.retryAfterSeconds, problem.log]).toEqual([[], undefined, undefined]);
    expect('cause' in problem).toBe(false);
  });

  it('carries fields, the time to wait, and what is for the log', () => {
    const errors = [{ path: '/email', code: 'invalid', message: 'No address.' }];
    const cause = new Error('inner');
    const problem = new Problem('too_many_requests', { errors, retryAfterSeconds: 7, log: 'the sixth', cause });
    expect(problem).toMatchObject({ errors, retryAfterSeconds: 7, log: 'the sixth', cause });
  });

  it('shares nothing that could be changed with another', () => {
    const errors = [{ path: '', code: 'a', message: 'A.' }];
    const problem = new Problem('busy', { errors });
    errors.push({ path: '', code: 'b', message: 'B.' });
    expect(problem.errors).toHaveLength(1);
    expect(Object.isFrozen(problem.errors)).toBe(true);
    expect(Object.isFrozen(new Problem('busy').errors)).toBe(true);
  });
});
