/** A logger whose lines tests read. */
import { createLogger, type Logger } from '#platform/telemetry/index.ts';

/** The lines of level `error`, as objects. */
export function collectErrors(): { readonly logger: Logger; readonly lines: readonly unknown[] } {
  const lines: unknown[] = [];
  const destination = { write: (line: string) => void lines.push(JSON.parse(line)) };
  return { logger: createLogger({ level: 'error', service: 'test', version: '0', destination }), lines };
}
