/** A stream of messages of PostgreSQL's wire protocol in one direction (PostgreSQL manual, "Message Formats"). */
export interface MessageStream {
  /** The bytes of an incomplete message. */
  rest: Buffer;
  /** Messages start with a type byte, except the first one of a client. */
  hasTypes: boolean;
}

/** `type` is empty for the first message of a client. */
export interface WireMessage {
  readonly type: string;
  readonly bytes: Buffer;
}

const lengthBytes = 4;

/** Returns the messages that are complete with this data and keeps the rest. */
export function splitMessages(stream: MessageStream, data: Buffer): WireMessage[] {
  const complete: WireMessage[] = [];
  let rest = Buffer.concat([stream.rest, data]);
  for (;;) {
    const start = stream.hasTypes ? 1 : 0;
    if (rest.length < start + lengthBytes) break;
    // The length includes itself but not the type byte.
    const end = start + rest.readUInt32BE(start);
    if (rest.length < end) break;
    complete.push({ type: rest.toString('latin1', 0, start), bytes: rest.subarray(0, end) });
    rest = rest.subarray(end);
    stream.hasTypes = true;
  }
  stream.rest = rest;
  return complete;
}
