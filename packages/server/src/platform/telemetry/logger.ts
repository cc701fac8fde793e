/** Log lines (docs/guides/operating.md), redacted by construction: no field can contain what a caller sent. */
import { type DestinationStream, type Logger as PinoLogger, pino } from 'pino';
import { describeError } from './error-description.ts';
import { LineSink } from './line-sink.ts';
import { currentSpan, type Span } from './spans.ts';
import { textLine } from './text-line.ts';

export type LogLevel = 'debug' | 'info' | 'warn' | 'error' | 'silent';

/**
 * All fields of a line: names and numbers of ours, identifiers that we generate, and errors (scrubbed).
 * A new field is added here; it must never contain a path, a query, a header, a body or a secret.
 */
export interface LogFields {
  readonly requestId?: string;
  /** The request id of a trusted proxy: 8 to 64 letters, digits, `-` and `_`. */
  readonly proxyRequestId?: string;
  /** The address of a connection's other end, which may be a proxy. */
  readonly peer?: string;
  readonly traceId?: string;
  readonly method?: string;
  /** The route's pattern, never the path. */
  readonly route?: string;
  readonly status?: number;
  readonly milliseconds?: number;
  readonly problem?: string;
  /** `Problem.log`, a sentence in the code. */
  readonly detail?: string;
  readonly error?: unknown;
  readonly job?: string;
  readonly jobId?: string;
  readonly attempt?: number;
  readonly outcome?: string;
  readonly statement?: string;
  readonly lane?: string;
  readonly component?: string;
  readonly signal?: string | undefined;
  readonly host?: string;
  readonly port?: number;
  readonly version?: string;
  readonly mode?: string;
  readonly keyId?: string;
  readonly userId?: string;
  readonly sessionId?: string;
  readonly count?: number;
  readonly pid?: number | undefined;
  readonly exitCode?: number | undefined;
}

/** A message is a literal in the code: a text with an interpolated value does not compile. */
type Literal<M extends string> = Record<never, never> extends Record<M, 1> ? never : M;

/** `child` adds fields to all of its lines; they are serialized once. */
export interface Logger {
  debug<M extends string>(message: Literal<M>, fields?: LogFields): void;
  info<M extends string>(message: Literal<M>, fields?: LogFields): void;
  warn<M extends string>(message: Literal<M>, fields?: LogFields): void;
  error<M extends string>(message: Literal<M>, fields?: LogFields): void;
  /** For the error that ends the process. */
  fatal<M extends string>(message: Literal<M>, fields?: LogFields): void;
  child(fields: LogFields): Logger;
  /** Whether lines of this level are written, for callers whose fields take time to compute. */
  writes(level: Exclude<LogLevel, 'silent'>): boolean;
  /** Writes the lines that are in memory; call it before the process ends. */
  flush(): void;
}

/** A line at one of the two highest levels, with the fields of its logger. */
export interface ReportedLine {
  readonly level: 'error' | 'fatal';
  readonly message: string;
  readonly fields: LogFields;
  readonly span: Span | undefined;
}

export interface LoggerOptions {
  readonly level: LogLevel;
  /** `text` is for reading; JSON if absent. */
  readonly format?: 'json' | 'text';
  readonly service: string;
  readonly version: string;
  /** Whether other processes log to the same standard output. */
  readonly sharesOutput?: boolean;
  /** Called for each line at `error` and `fatal`, also when the level writes none. Must not throw. */
  readonly onError?: ((line: ReportedLine) => void) | undefined;
  /** Standard output if absent. */
  readonly destination?: Destination;
}

interface Destination {
  write(line: string): void;
  flushSync?(): void;
}

const standardOutput = 1;

/** Lines reach the kernel after at most 100 ms; call `flush` before the process ends. */
export function createLogger(options: LoggerOptions): Logger {
  const sink = options.destination ?? new LineSink(standardOutput, { isShared: options.sharesOutput === true });
  const stream = options.format === 'text' ? asText(sink) : sink;
  const lines = pino(
    {
      level: options.level,
      base: { service: options.service, version: options.version },
      formatters: { level: (label) => ({ level: label }) },
      serializers: { error: (error: unknown) => describeError(error) },
    },
    stream as DestinationStream,
  );
  return new Lines(lines, stream, {}, options.onError);
}

/** Joins all lines of a request or a job, also those of other modules, with its trace. pino's `mixin` would copy each line. */
function inTrace(fields: LogFields): LogFields {
  const span = currentSpan();
  return span === undefined ? fields : { traceId: span.traceId, ...fields };
}

function asText(destination: Destination): Destination {
  return { write: (line) => destination.write(textLine(line)), flushSync: () => destination.flushSync?.() };
}

class Lines implements Logger {
  readonly #lines: PinoLogger;
  readonly #stream: Destination;
  readonly #fields: LogFields;
  readonly #onError: LoggerOptions['onError'];

  constructor(lines: PinoLogger, stream: Destination, fields: LogFields, onError: LoggerOptions['onError']) {
    this.#lines = lines;
    this.#stream = stream;
    this.#fields = fields;
    this.#onError = onError;
  }

  debug(message: string, fields: LogFields = {}): void {
    this.#lines.debug(inTrace(fields), message);
  }

  info(message: string, fields: LogFields = {}): void {
    this.#lines.info(inTrace(fields), message);
  }

  warn(message: string, fields: LogFields = {}): void {
    this.#lines.warn(inTrace(fields), message);
  }

  error(message: string, fields: LogFields = {}): void {
    this.#lines.error(inTrace(fields), message);
    this.#report('error', message, fields);
  }

  fatal(message: string, fields: LogFields = {}): void {
    this.#lines.fatal(inTrace(fields), message);
    this.#report('fatal', message, fields);
  }

  child(fields: LogFields): Logger {
    return new Lines(this.#lines.child(fields), this.#stream, { ...this.#fields, ...fields }, this.#onError);
  }

  writes(level: Exclude<LogLevel, 'silent'>): boolean {
    return this.#lines.isLevelEnabled(level);
  }

  flush(): void {
    this.#stream.flushSync?.();
  }
  #report(level: 'error' | 'fatal', message: string, fields: LogFields): void {
    this.#onError?.({ level, message, fields: { ...this.#fields, ...fields }, span: currentSpan() });
  }
}
