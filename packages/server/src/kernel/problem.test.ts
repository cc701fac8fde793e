import { describe, expect, it } from 'vitest';
import { Problem, type ProblemCode, problems } from './problem.ts';

const codes = Object.keys(problems) as ProblemCode[];

describe('the problem table', () => {
  it('has snake_case codes, 4xx or 5xx statuses, titles, and details that are sentences', () => {
    expect(codes.length).toBeGreaterThan(20);
    for (const code of codes) {
      const { status, title, detail } = problems[code];
      expect(code).toMatch(/^[a-z]+(?:_[a-z]+)*$/);
      expect([code, status >= 400 && status < 600]).toEqual([code, true]);
      expect(title).toMatch(/^[A-Z][\w ’',:-]+$/);
      expect(detail).toMatch(/^[A-Z].{10,}\.$/);
    }
  });

  it('has unique titles', () => {
    expect(new Set(codes.map((code) => problems[code].title)).size).toBe(codes.length);
  });
});

describe('Problem', () => {
  it('carries only its code and the table’s status by default', () => {
    const problem = new Problem('busy');
    expect(problem).toBeInstanceOf(Error);
    expect(problem).toMatchObject({ name: 'Problem', message: 'busy', code: 'busy', status: problems.busy.status });
    expect([problem.errors, problem.retryAfterSeconds, problem.log]).toEqual([[], undefined, undefined]);
    expect('cause' in problem).toBe(false);
  });

  it('carries field errors, Retry-After seconds, the log message and the cause', () => {
    const errors = [{ path: '/email', code: 'invalid', message: 'No address.' }];
    const cause = new Error('inner');
    const problem = new Problem('too_many_requests', { errors, retryAfterSeconds: 7, log: 'the sixth', cause });
    expect(problem).toMatchObject({ errors, retryAfterSeconds: 7, log: 'the sixth', cause });
  });

  it('copies and freezes its field errors', () => {
    const errors = [{ path: '', code: 'a', message: 'A.' }];
    const problem = new Problem('busy', { errors });
    errors.push({ path: '', code: 'b', message: 'B.' });
    expect(problem.errors).toHaveLength(1);
    expect(Object.isFrozen(problem.errors)).toBe(true);
    expect(Object.isFrozen(new Problem('busy').errors)).toBe(true);
  });
});
