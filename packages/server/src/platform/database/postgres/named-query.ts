/**
 * A named statement on a pipelined connection, with less around it than the driver's own query has: nothing is
 * described a second time, and what is sent for it is one piece.
 * The driver's own takes three times as long: it copies its configuration, asks with each execution for the columns
 * that it knows, makes an object of each, and hands over four messages.
 */
import { type Client, Query, type QueryArrayConfig } from 'pg';
import { encodeExecution } from './execution-message.ts';

/** What a statement answered. */
export interface Answer {
  readonly rows: unknown[][];
  readonly rowCount: number | null;
}

type Parse = (text: string) => unknown;

/** What the driver's connection is to its queries. */
interface DriverConnection {
  readonly stream: { write(bytes: Buffer): boolean };
  readonly parsedStatements: Readonly<Record<string, string | undefined>>;
}

/** What the driver's client asks of a query; `pg-cursor` and others of its kind rely on the same. */
interface DriverQuery {
  text: string;
  name: string;
  values: readonly unknown[];
  readonly _result: { readonly _parsers: readonly Parse[] | undefined };
  submit(connection: DriverConnection): Error | null;
  handleRowDescription(message: object): void;
}

/** By its type only: the declarations of the driver leave out what its client calls. */
const BaseQuery = Query as unknown as new (text: string) => DriverQuery;

/** How to read the columns of each statement that a connection has described. */
const described = new WeakMap<DriverConnection, Map<string, readonly Parse[]>>();

const noParsers: readonly Parse[] = [];

class NamedQuery extends BaseQuery {
  readonly callback: (error: Error | null, answer?: Answer) => void;
  readonly #connection: DriverConnection;
  readonly #rows: unknown[][] = [];
  #rowCount = 0;
  #parsers: readonly Parse[] | undefined;
  /** A value that could not be read; the connection is in order, and the statement is answered at its end. */
  #unreadable: Error | undefined;

  constructor(connection: DriverConnection, query: NamedConfig, callback: NamedQuery['callback']) {
    // By its text alone: a configuration would be copied with all its descriptors.
    super(query.text);
    this.name = query.name;
    this.values = query.values;
    this.callback = callback;
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
    // oxlint-disable-next-line unicorn/no-new-array -- made in one piece, for every row of every answer.
    const row: unknown[] = new Array(fields.length);
    for (let index = 0; index < fields.length; index += 1) {
      const text = fields[index] as string | null;
      row[index] = text === null ? null : (parsers[index] as Parse)(text);
    }
    return row;
  }

  /** The columns of a prepared statement stay as they are: PostgreSQL refuses to execute it when they would change. */
  #remember(): void {
    const known = described.get(this.#connection) ?? new Map<string, readonly Parse[]>();
    if (known.has(this.name)) return;
    known.set(this.name, this.#parsers ?? noParsers);
    described.set(this.#connection, known);
  }
}

/** A statement with its values. */
type NamedConfig = QueryArrayConfig & { readonly name: string; readonly values: readonly unknown[] };

/** Sends a statement; rejects with the server's error, or the connection's. */
export function sendNamed(client: Client, config: QueryArrayConfig): Promise<Answer> {
  const connection = client.connection as unknown as DriverConnection;
  return new Promise((resolve, reject) => {
    const query = new NamedQuery(connection, config as NamedConfig, (error, answer) => {
      if (error === null) resolve(answer as Answer);
      else reject(error);
    });
    client.query(query as unknown as Query);
  });
}
