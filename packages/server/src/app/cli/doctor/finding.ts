/** What an examination found. */

/** `warn`: it works, and somebody should know; `fail`: it does not work, or is not safe. */
export type FindingStatus = 'ok' | 'warn' | 'fail';

/** One line of the doctor's answer; what is not `ok` says how to mend it. */
export type Finding =
  | { readonly part: string; readonly status: 'ok'; readonly finding: string }
  | { readonly part: string; readonly status: 'warn' | 'fail'; readonly finding: string; readonly fix: string };

export function ok(part: string, finding: string): Finding {
  return { part, status: 'ok', finding };
}

export function warn(part: string, finding: string, fix: string): Finding {
  return { part, status: 'warn', finding, fix };
}

export function fail(part: string, finding: string, fix: string): Finding {
  return { part, status: 'fail', finding, fix };
}
