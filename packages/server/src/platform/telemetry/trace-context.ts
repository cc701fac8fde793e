/** The caller's trace id (W3C Trace Context, level 1, §3.2). */

const traceparent = /^[0-9a-f]{2}-([0-9a-f]{32})-[0-9a-f]{16}-[0-9a-f]{2}(?:-.*)?$/;
const noTrace = '0'.repeat(32);

/**
 * The trace id of a `traceparent` header, or undefined when there is none that is valid.
 * Version `ff` and the all-zero id are invalid (W3C Trace Context §3.2.2); a longer text is accepted only from a later version (§3.2.4).
 */
export function readTraceId(header: string | undefined): string | undefined {
  if (header === undefined || header.length > 256) return undefined;
  const traceId = traceparent.exec(header)?.[1];
  if (traceId === undefined || traceId === noTrace || header.startsWith('ff')) return undefined;
  if (header.startsWith('00') && header.length !== 55) return undefined;
  return traceId;
}
