/**
 * A collector of traces. It reads OTLP by the field numbers of `opentelemetry/proto/trace/v1/trace.proto`, without the
 * serializer that wrote it.
 */
import { type HttpReceiver, startReceiver } from './http-receiver.ts';
import { fieldsOf, messageAt, messages, numberAt } from './protobuf.ts';

export interface CollectedSpan {
  readonly resource: Readonly<Record<string, string | number>>;
  readonly traceId: string;
  readonly spanId: string;
  /** Empty for the first span of a trace. */
  readonly parentSpanId: string;
  readonly name: string;
  /** 1 internal, 2 server, 3 client, 5 consumer. */
  readonly kind: number;
  readonly milliseconds: number;
  readonly attributes: Readonly<Record<string, string | number>>;
  /** The trace ids that it links to. */
  readonly links: readonly string[];
  readonly isError: boolean;
}

export interface Collector {
  readonly url: string;
  readonly spans: readonly CollectedSpan[];
  /** Everything that was received, as bytes. */
  readonly bytes: readonly Buffer[];
  readonly receiver: HttpReceiver;
  stop(): Promise<void>;
}

function attributesOf(pairs: readonly Buffer[]): Record<string, string | number> {
  return Object.fromEntries(
    pairs.map((pair) => {
      const [[type, value] = [1, Buffer.alloc(0)]] = fieldsOf(messageAt(pair, 2));
      const read = Buffer.isBuffer(value) ? value.toString() : type === 4 ? doubleOf(value) : Number(value);
      return [messageAt(pair, 1).toString(), read];
    }),
  );
}

function doubleOf(bits: bigint): number {
  return new Float64Array(new BigUint64Array([bits]).buffer)[0] ?? Number.NaN;
}

const errorStatus = 2n;

/** The spans of an `ExportTraceServiceRequest`. */
function readSpans(request: Buffer): CollectedSpan[] {
  return messages(request, 1).flatMap((ofResource) => {
    const resource = attributesOf(messages(messageAt(ofResource, 1), 1));
    const spans = messages(ofResource, 2).flatMap((ofScope) => messages(ofScope, 2));
    return spans.map((span) => ({
      resource,
      traceId: messageAt(span, 1).toString('hex'),
      spanId: messageAt(span, 2).toString('hex'),
      parentSpanId: messageAt(span, 4).toString('hex'),
      name: messageAt(span, 5).toString(),
      kind: Number(numberAt(span, 6)),
      milliseconds: Number(numberAt(span, 8) - numberAt(span, 7)) / 1e6,
      attributes: attributesOf(messages(span, 9)),
      links: messages(span, 13).map((link) => messageAt(link, 1).toString('hex')),
      isError: numberAt(messageAt(span, 15), 3) === errorStatus,
    }));
  });
}

export async function startCollector(): Promise<Collector> {
  const receiver = await startReceiver();
  const spans: CollectedSpan[] = [];
  const bytes: Buffer[] = [];
  receiver.react((response, { bytes: body }) => {
    bytes.push(body);
    spans.push(...readSpans(body));
    response.writeHead(200, { 'content-type': 'application/x-protobuf' }).end();
  });
  return { url: `http://127.0.0.1:${receiver.port}`, spans, bytes, receiver, stop: () => receiver.stop() };
}
