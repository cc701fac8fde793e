/** The messages of PostgreSQL's wire protocol in one direction (PostgreSQL manual, "Message Formats"). */
export interface Frames {
  /** What has arrived of a message that is not whole yet. */
  rest: Buffer;
  /** Messages begin with a letter, except the first one that a client sends. */
  hasTypes: boolean;
}

/** One message; `type` is empty for the first one of a client. */
export interface Frame {
  readonly type: string;
  readonly bytes: Buffer;
}

const lengthBytes = 4;

/** The messages that are whole with this data; what is left waits for more. */
export function cutFrames(frames: Frames, data: Buffer): Frame[] {
  const whole: Frame[] = [];
  let rest = Buffer.concat([frames.rest, data]);
  for (;;) {
    const start = frames.hasTypes ? 1 : 0;
    if (rest.length < start + lengthBytes) break;
    // The length counts itself and not the letter.
    const end = start + rest.readUInt32BE(start);
    if (rest.length < end) break;
    whole.push({ type: rest.toString('latin1', 0, start), bytes: rest.subarray(0, end) });
    rest = rest.subarray(end);
    frames.hasTypes = true;
  }
  frames.rest = rest;
  return whole;
}
