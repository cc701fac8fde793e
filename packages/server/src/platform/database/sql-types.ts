/** The types of parameters and columns, in SQL and in JavaScript. */
import type { JsonValue } from '#kernel/json.ts';

/** The supported SQL types with their JavaScript types; the same on both databases. */
export interface SqlTypes {
  text: string;
  uuid: string;
  bytea: Buffer;
  timestamptz: Date;
  bool: boolean;
  int4: number;
  /** A number; the parser throws for a value beyond 2^53. */
  int8: number;
  float8: number;
  jsonb: JsonValue;
  inet: string;
  xid8: string;
  'text[]': readonly string[];
  'uuid[]': readonly string[];
  'bytea[]': readonly Buffer[];
  'timestamptz[]': readonly Date[];
  'int4[]': readonly number[];
  'int8[]': readonly number[];
}

/** A type name; with `?` the value may be null. */
export type SqlType = keyof SqlTypes | `${keyof SqlTypes}?`;

/** Names and types of parameters or columns, in order. The column `userId` is `user_id` in SQL. */
export type Shape = { readonly [name: string]: SqlType };

type ValueOf<T extends SqlType> = T extends `${infer Base extends keyof SqlTypes}?`
  ? SqlTypes[Base] | null
  : T extends keyof SqlTypes
    ? SqlTypes[T]
    : never;

/** The JavaScript object that a shape describes. */
export type Values<S extends Shape> = { readonly [K in keyof S]: ValueOf<S[K]> };
