import { describe, expect, it } from 'vitest';
import { readTraceId } from './trace-context.ts';

const traceId = '4bf92f3577b34da6a3ce929d0e0e4736';

describe('readTraceId', () => {
  it('reads the trace id of a valid header', () => {
    expect(readTraceId(`00-${traceId}-00f067aa0ba902b7-01`)).toBe(traceId);
  });

  it('accepts what a later version appends', () => {
    expect(readTraceId(`01-${traceId}-00f067aa0ba902b7-01-more`)).toBe(traceId);
  });

  it.each([
    undefined,
    '',
    `00-${traceId}-00f067aa0ba902b7-01-more`,
    `ff-${traceId}-00f067aa0ba902b7-01`,
    `00-${'0'.repeat(32)}-00f067aa0ba902b7-01`,
    `00-${traceId.toUpperCase()}-00f067aa0ba902b7-01`,
    `01-${traceId}-00f067aa0ba902b7-01-${'x'.repeat(300)}`,
    '"><script>',
  ])('ignores %s', (header) => {
    expect(readTraceId(header)).toBeUndefined();
  });
});
