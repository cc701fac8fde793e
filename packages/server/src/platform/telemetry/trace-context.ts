/** The header `traceparent` (W3C Trace Context, level 1). */

/** The position of a span in a trace. */
export interface TraceParent {
  /** 32 hexadecimal digits. */
  readonly traceId: string;
  /** 16 hexadecimal digits. */
  readonly spanId: string;
  readonly isSampled: boolean;
}

const form = /^([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(?:-.*)?$/;
const noTrace = '0'.repeat(32);
const noSpan = '0'.repeat(16);

/**
 * Reads a `traceparent`; undefined when it is invalid. Version `ff` and ids of zeros are invalid (W3C Trace Context §3.2.2); a
 * longer text is accepted only from a later version (§3.2.4).
 */
export function parseTraceparent(text: string | undefined): TraceParent | undefined {
  if (text === undefined || text.length > 256) return undefined;
  const [, version, traceId = noTrace, spanId = noSpan, flags = ''] = form.exec(text) ?? [];
  if (traceId === noTrace || spanId === noSpan || version === 'ff') return undefined;
  if (version === '00' && text.length !== 55) return undefined;
  return { traceId, spanId, isSampled: (Number.parseInt(flags, 16) & 1) === 1 };
}

/** The text for a span; its only flag is `sampled`. */
export function formatTraceparent({ traceId, spanId, isSampled }: TraceParent): string {
  return `00-${traceId}-${spanId}-0${isSampled ? 1 : 0}`;
}
