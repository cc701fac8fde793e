/**
 * A named statement on a pipelined connection. It describes nothing twice and sends one buffer.
 * The driver's own query takes three times as long: it copies its configuration, requests the known columns with each
 * execution, makes an object of each, and writes four messages.
 */
import { type Client, type PoolClient, Query, type QueryArrayConfig } from 'pg';
import { encodeExecution } from './execution-message.ts';

export interface StatementResult {
  readonly rows: unknown[][];
  readonly rowCount: number | null;
}

type Parse = (text: string) => unknown;

/** The part of the driver's connection that its queries use. */
interface DriverConnection {
  readonly stream: { write(bytes: Buffer): boolean };
  readonly parsedStatements: Readonly<Record<string, string | undefined>>;
}

/** The part of a query that the driver's client uses; `pg-cursor` and similar packages rely on the same. */
interface DriverQuery {
  text: string;
  name: string;
  values: readonly unknown[];
  readonly _result: { readonly _parsers: readonly Parse[] | undefined };
  submit(connection: DriverConnection): Error | null;
  handleRowDescription(message: object): void;
}

/** Cast, because the driver's declarations omit the members that its client calls. */
const BaseQuery = Query as unknown as new (text: string) => DriverQuery;

/** The parsers of the columns of each statement that a connection has described. */
const described = new WeakMap<DriverConnection, Map<string, readonly Parse[]>>();

const noParsers: readonly Parse[] = [];

class NamedQuery extends BaseQuery {
  readonly callback: (error: Error | null, result?: StatementResult) => void;
  /** Read by the driver's client. */
  readonly query_timeout: number | undefined;
  readonly #connection: DriverConnection;
  readonly #rows: unknown[][] = [];
  #rowCount = 0;
  #parsers: readonly Parse[] | undefined;
  /** A value that could not be parsed. The connection is fine, and the statement rejects at its end. */
  #unreadable: Error | undefined;

  constructor(connection: DriverConnection, query: NamedConfig, callback: NamedQuery['callback']) {
    // With the text alone: the driver would copy a configuration with all its descriptors.
    super(query.text);
    this.name = query.name;
    this.values = query.values;
    this.callback = callback;
    this.query_timeout = query.query_timeout;
    this.#connection = connection;
  }

  override submit(connection: DriverConnection): Error | null {
    const parsers = described.get(connection)?.get(this.name);
    const messages = parsers === undefined ? undefined : encodeExecution(this.name, this.values);
    if (messages === undefined) return super.submit(connection);
    this.#parsers = parsers;
    connection.stream.write(messages);
    return null;
  }

  override handleRowDescription(message: object): void {
    super.handleRowDescription(message);
    this.#parsers = this._result._parsers;
  }

  handleDataRow({ fields }: { readonly fields: readonly (string | null)[] }): void {
    if (this.#unreadable !== undefined) return;
    try {
      this.#rows.push(this.#read(fields));
    } catch (error) {
      this.#unreadable = error as Error;
    }
  }

  handleCommandComplete({ text }: { readonly text: string }): void {
    this.#rowCount = Number(text.slice(text.lastIndexOf(' ') + 1)) || 0;
  }

  handleReadyForQuery(): void {
    this.#remember();
    if (this.#unreadable === undefined) this.callback(null, { rows: this.#rows, rowCount: this.#rowCount });
    else this.callback(this.#unreadable);
  }

  handleError(error: Error): void {
    this.callback(error);
  }

  #read(fields: readonly (string | null)[]): unknown[] {
    const parsers = this.#parsers ?? noParsers;
    // oxlint-disable-next-line unicorn/no-new-array -- made in one piece, for every row of every result.
    const row: unknown[] = new Array(fields.length);
    for (let index = 0; index < fields.length; index += 1) {
      const text = fields[index] as string | null;
      row[index] = text === null ? null : (parsers[index] as Parse)(text);
    }
    return row;
  }

  /** The columns of a prepared statement cannot change: PostgreSQL rejects its execution when they would. */
  #remember(): void {
    const known = described.get(this.#connection) ?? new Map<string, readonly Parse[]>();
    if (known.has(this.name)) return;
    known.set(this.name, this.#parsers ?? noParsers);
    described.set(this.#connection, known);
  }
}

/** A query that closes its connection when it has no response within this time; the driver's declarations omit it. */
export type TimedQuery = QueryArrayConfig & { readonly query_timeout?: number };

type NamedConfig = TimedQuery & { readonly name: string; readonly values: readonly unknown[] };

/** Sends a statement; rejects with the error of the server or of the connection. */
export function sendNamed(client: Client | PoolClient, config: TimedQuery): Promise<StatementResult> {
  const connection = client.connection as unknown as DriverConnection;
  return new Promise((resolve, reject) => {
    const query = new NamedQuery(connection, config as NamedConfig, (error, result) => {
      if (error === null) resolve(result as StatementResult);
      else reject(error);
    });
    client.query(query as unknown as Query);
  });
}
