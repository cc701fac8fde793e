/**
 * An error as an event of Sentry's protocol (Sentry Developer Documentation, "Event Payloads"). It is made of the line that the
 * log gets: names and numbers of ours, and the scrubbed description of the error. It has no request, no user and no source code.
 */
import { randomUUID } from 'node:crypto';
import { describeError, type ErrorDescription } from './error-description.ts';
import type { ReportedLine } from './logger.ts';
import type { Span } from './spans.ts';

/** Properties of the process. */
export interface EventOrigin {
  readonly release: string;
  readonly environment: string;
  readonly serverName: string;
}

interface Frame {
  readonly function?: string;
  readonly filename: string;
  readonly lineno: number;
  readonly colno?: number;
  readonly in_app: boolean;
}

export interface ErrorEvent {
  /** Equal for lines of the same fault; not sent. */
  readonly key: string;
  readonly payload: Readonly<Record<string, unknown>> & { readonly event_id: string };
}

/** The fields of a line that become tags. The others are identifiers of one request or person. */
const tagged = ['method', 'route', 'status', 'job', 'component', 'statement', 'outcome', 'problem'] as const;

export function errorEventOf(
  { level, message, fields, span }: ReportedLine,
  origin: EventOrigin,
  now: Date,
): ErrorEvent {
  const { error, detail, requestId } = fields;
  const chain = error === undefined ? [] : causesOf(describeError(error));
  const outermost = chain[0];
  const frame = framesOf(outermost).findLast(({ in_app: isOwn }) => isOwn);
  const place = frame === undefined ? message : `${frame.filename} ${frame.function ?? ''}`;
  const fingerprint = [outermost?.name ?? message, place];
  const tags = tagged.flatMap((name) => (fields[name] === undefined ? [] : [[name, String(fields[name])] as const]));
  const payload = {
    event_id: randomUUID().replaceAll('-', ''),
    timestamp: now.getTime() / 1000,
    platform: 'node',
    level,
    logger: 'latchkey',
    release: `latchkey@${origin.release}`,
    environment: origin.environment,
    server_name: origin.serverName,
    message: { formatted: message },
    fingerprint,
    tags: Object.fromEntries(tags),
    extra: { ...(detail !== undefined && { detail }), ...(requestId !== undefined && { requestId }) },
    contexts: {
      runtime: { name: 'node', version: process.versions.node },
      ...(span !== undefined && { trace: traceOf(span) }),
    },
    // The outermost error is the last one.
    ...(chain.length > 0 && { exception: { values: chain.map(exceptionOf).toReversed() } }),
  };
  return { key: fingerprint.join('\n'), payload };
}

function causesOf(error: ErrorDescription): ErrorDescription[] {
  return [error, ...(error.cause === undefined ? [] : causesOf(error.cause))];
}

function exceptionOf(error: ErrorDescription) {
  const code = error.code === undefined ? '' : ` (${error.code})`;
  const frames = framesOf(error);
  return { type: error.name, value: `${error.message}${code}`, ...(frames.length > 0 && { stacktrace: { frames } }) };
}

function traceOf({ traceparent }: Span) {
  const [, traceId, spanId] = traceparent.split('-');
  return { trace_id: traceId, span_id: spanId, op: 'default' };
}

const frameForm = /^at (?:(?:async )?(.+?) \()?(?:file:\/\/)?([^()\s]+?):([0-9]+)(?::([0-9]+))?\)?$/;

/** The protocol wants the oldest call first. */
function framesOf(error: ErrorDescription | undefined): Frame[] {
  const frames = (error?.stack ?? '').split('\n').flatMap((line): Frame[] => {
    const [, called, path = '', lineno, colno] = frameForm.exec(line) ?? [];
    if (path === '') return [];
    const isOwn = !path.startsWith('node:') && !path.includes('/node_modules/');
    const column = colno === undefined ? {} : { colno: Number(colno) };
    const position = { filename: withoutRoot(path), lineno: Number(lineno), ...column, in_app: isOwn };
    return [called === undefined ? position : { function: called, ...position }];
  });
  return frames.toReversed();
}

/** Paths of the machine say nothing about the fault, and differ between nodes. */
function withoutRoot(path: string): string {
  return path.replace(/^.*\/(?=node_modules\/)/, '').replace(/^.*\/(?=src\/)/, '');
}
