/** From what a handler returns to the text of the envelope. */
import fastJson from 'fast-json-stringify';
import type { Clock } from '#kernel/clock.ts';
import type { ApiEndpoint, ApiResponse } from '../endpoint.ts';
import { serializerSchema } from './response-schema.ts';
import { Timestamps } from './timestamps.ts';

/** Writes the answers of one endpoint. */
export class Envelopes {
  readonly #serialize: (members: object) => string;
  readonly #timestamps: Timestamps;
  readonly #head: string;
  /** Answers that are given again and again: most of what a serializer does for a session check it did before. */
  readonly #kept = new WeakMap<ApiResponse<unknown>, string>();

  /** Compiles the serializer: what the schema does not list has no way out. */
  constructor(endpoint: ApiEndpoint, clock: Clock) {
    this.#serialize = fastJson(serializerSchema(endpoint));
    this.#timestamps = new Timestamps(clock);
    this.#head = headOf(endpoint.response.message);
  }

  /** The envelope. `requestId` is made of characters that JSON need not escape. */
  write(answer: ApiResponse<unknown>, requestId: string): string {
    const head = answer.message === undefined ? this.#head : headOf(answer.message);
    const meta = `"meta":{"timestamp":"${this.#timestamps.now()}","requestId":"${requestId}"}}`;
    return head + (answer.kept === true ? this.#keep(answer) : this.#membersOf(answer)) + meta;
  }

  #keep(answer: ApiResponse<unknown>): string {
    let members = this.#kept.get(answer);
    if (members === undefined) {
      members = this.#membersOf(answer);
      this.#kept.set(answer, members);
    }
    return members;
  }

  /** `data`, and `pagination` if there is one, each with a comma behind it. */
  #membersOf({ data, pagination }: ApiResponse<unknown>): string {
    return `${this.#serialize({ data, pagination }).slice(1, -1)},`;
  }
}

function headOf(message: string): string {
  return `{"success":true,"message":${JSON.stringify(message)},`;
}
