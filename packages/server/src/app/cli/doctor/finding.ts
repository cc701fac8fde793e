/** Results of the doctor's checks. */

/** `warn`: it works, but should be changed. `fail`: it does not work or is not safe. */
export type FindingStatus = 'ok' | 'warn' | 'fail';

/** One line of the doctor's output; each problem has a fix. */
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
