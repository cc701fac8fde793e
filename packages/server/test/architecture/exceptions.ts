import type { Finding, Rule } from './source.ts';

/** A breach that is justified. */
export type Exception = {
  /** From the root of the repository. */
  readonly path: string;
  readonly rule: Rule;
  readonly reason: string;
};

/** Each line is a rule that does not fit one file, with the reason. */
export const exceptions: readonly Exception[] = [
  {
    path: 'packages/server/src/platform/database/postgres/server-facts.ts',
    rule: 'clock',
    reason:
      '"latchkey doctor" compares the clock of the database with the clock of the process, to report the difference',
  },
  {
    path: 'packages/server/migrations/0001_first_schema.up.sql',
    rule: 'clock',
    reason: 'the first partitions of the audit log, and the bound for later ones, are those of the database (ADR 0031)',
  },
];

/** The findings without the excepted ones, and a finding for each exception that is no longer needed. */
export function withoutExceptions(findings: readonly Finding[], excepted: readonly Exception[]): Finding[] {
  const matches = (exception: Exception, finding: Finding) =>
    exception.path === finding.path && exception.rule === finding.rule;
  const stale = excepted.filter((exception) => !findings.some((finding) => matches(exception, finding)));
  return [
    ...findings.filter((finding) => !excepted.some((exception) => matches(exception, finding))),
    ...stale.map(({ path, rule }) => ({
      path,
      rule,
      line: 1,
      sentence: `the exception for ${rule} is no longer needed`,
    })),
  ];
}
