/** Walks every endpoint with every credential in every state of a user, and records what it issues. */
import { z } from 'zod';
import { serverOf } from '#app/running.ts';
import { present } from '#kernel/assert.ts';
import { statement } from '#platform/database/index.ts';
import type { Endpoint, HttpServer } from '#platform/http/index.ts';
import type { Application, RequestOptions } from '../support/application.ts';
import { renderedForm } from '../support/rendered-form.ts';
import { sameOrigin } from '../support/user-actions.ts';
import { addHolder, type Holder, heldInputs, type State, states } from './states.ts';

const countSessions = statement('login_gate_test.count_sessions', {
  lane: 'pool',
  sql: `select count(*)::int4 as sessions from sessions`,
  params: {},
  columns: { sessions: 'int4?' },
});

/** The most that a client obtained from one endpoint in one state, and the request that obtained it. */
export interface Cell {
  readonly endpoint: string;
  readonly state: State;
  /** `session` (a new row), `tokens` (of a session that existed), `ticket <step>`, or the status and the problem's code. */
  readonly outcome: string;
  readonly trace: string;
}

/** Fields that are alternatives to each other, so that the walk also leaves each of them out. */
const alternatives: ReadonlySet<string> = new Set([
  'token',
  'ticket',
  'password',
  'code',
  'recoveryCode',
  'emailCode',
  'passkey',
  'act',
]);

/** Fields whose value is an object; a holder has it as JSON. */
const objects: ReadonlySet<string> = new Set(['credential', 'passkey']);

/** A secret of no one, for a required field that the user has no value for. */
const unknownSecret = `lk_rt_${'A'.repeat(49)}`;

type Fields = Readonly<Record<string, string>>;

/** Sends requests to a server and sees the sessions behind it. */
export class Walk {
  readonly #app: Application;
  readonly #server: HttpServer;
  /** One holder for each state, for endpoints that change nothing. */
  readonly #readers = new Map<State, Promise<Holder>>();
  /** Holders whose every request was refused for its session, by what they hold: nothing of them has changed. */
  readonly #refused = new Map<string, Holder[]>();

  private constructor(app: Application, server: HttpServer) {
    this.#app = app;
    this.#server = server;
  }

  /** @param planted endpoints beside the product's own. */
  static async open(app: Application, planted: readonly Endpoint[] = []): Promise<Walk> {
    return new Walk(app, await serverOf(app.services, [...app.endpoints, ...planted]));
  }

  close(): Promise<void> {
    return this.#server.close({ graceMs: 0 });
  }

  /** The cells of one endpoint, each with a new user if it changes anything. */
  async walk(endpoint: Endpoint): Promise<Cell[]> {
    const cells: Cell[] = [];
    for (const state of states) cells.push(await this.#cellOf(endpoint, state));
    return cells;
  }

  async #cellOf(endpoint: Endpoint, state: State): Promise<Cell> {
    const inputs = inputsOf(endpoint);
    const holder = await this.#holderFor(endpoint, state);
    const outcomes: Cell[] = [];
    let sessionCount = await this.#countSessions();
    let isRefusedAlways = !isPublic(endpoint);
    for (const fields of combinations(endpoint, inputs, holder)) {
      for (const session of sessionsFor(endpoint, holder)) {
        const response = await this.#send(endpoint, fields, session, holder);
        const countBefore = sessionCount;
        sessionCount = await this.#countSessions();
        const outcome = outcomeOf(response, sessionCount > countBefore);
        const trace = `${endpoint.method} ${endpoint.path} { ${Object.keys(fields).join(', ')} } → ${outcome}`;
        isRefusedAlways &&= isRefusal(response);
        outcomes.push({ endpoint: endpoint.id, state, outcome, trace });
      }
    }
    if (isRefusedAlways) this.#keep(endpoint, state, holder);
    return present(outcomes.toSorted((a, b) => rankOf(b.outcome) - rankOf(a.outcome))[0], 'an outcome');
  }

  async #holderFor(endpoint: Endpoint, state: State): Promise<Holder> {
    const isReader = endpoint.method === 'GET' && endpoint.changesByGet !== true;
    // A shared login gets too old for a step-up on a slow machine. Entering the state `erased` erases every user whose grace
    // period is over, a shared one too.
    if (!isReader || endpoint.auth.stepUp !== undefined || state === 'grace period over') {
      const needed = neededBy(endpoint);
      return this.#refused.get(keyOf(state, needed))?.pop() ?? addHolder(this.#app, state, needed);
    }
    const reader =
      this.#readers.get(state) ?? addHolder(this.#app, state, new Set(['token', 'session', 'pageTicket', 'signUp']));
    this.#readers.set(state, reader);
    return reader;
  }

  #keep(endpoint: Endpoint, state: State, holder: Holder): void {
    // A shared login gets too old for a step-up.
    if (endpoint.auth.stepUp !== undefined) return;
    const key = keyOf(state, neededBy(endpoint));
    this.#refused.set(key, [...(this.#refused.get(key) ?? []), holder]);
  }

  async #send(endpoint: Endpoint, fields: Fields, session: Credentials, holder: Holder): Promise<ReadResponse> {
    const { publicUrl } = this.#app.services.config.http;
    const { target, init } = requestOf(endpoint, withLogin(endpoint, fields, session), session, holder);
    const response = await this.#server.fetch(new Request(publicUrl + target, init), { peerAddress: '127.0.0.1' });
    const text = await response.text();
    // A page repeats the ticket that it was sent.
    const own = Object.values(fields).reduce((rest, value) => rest.replaceAll(value, ''), text);
    return { status: response.status, headers: response.headers, text, own };
  }

  async #countSessions(): Promise<number> {
    return (await this.#app.services.database.row(countSessions, {}))?.sessions ?? 0;
  }
}

/** The session of a request, or the ticket of a page, whose id the form carries. */
type Credentials = RequestOptions & { readonly login?: string };

interface Input {
  readonly name: string;
  readonly isRequired: boolean;
  /** The only values that the schema accepts, if it lists them. */
  readonly accepted?: readonly string[] | undefined;
}

/** The endpoints that can issue anything: documents receive neither credentials nor cookies, and `/dev/` acts on no user. */
export function walkable(endpoints: readonly Endpoint[]): Endpoint[] {
  return endpoints.filter(({ kind, loopbackOnly }) => kind !== 'document' && loopbackOnly !== true);
}

/** The names of the fields that an endpoint takes from its path, query, body and form. */
export function fieldsOf(endpoint: Endpoint): string[] {
  return inputsOf(endpoint).map(({ name }) => name);
}

/** The inputs that the holder of a cell needs. */
function neededBy(endpoint: Endpoint): ReadonlySet<string> {
  const ofPage = opensByTicket(endpoint) ? ['pageTicket'] : [];
  const ofSignUp = takesSignUp(endpoint) ? ['signUp'] : [];
  const ofSession = isPublic(endpoint) ? [] : ['session'];
  return new Set([...fieldsOf(endpoint), ...ofPage, ...ofSignUp, ...ofSession]);
}

function keyOf(state: State, needed: ReadonlySet<string>): string {
  return [state, ...heldInputs.filter((input) => needed.has(input))].join(' ');
}

/** The session is no longer active: a page leads to the sign-in. */
function isRefusal({ status, headers, text }: ReadResponse): boolean {
  if (status === 303) return /^\/login\b/.test(headers.get('location') ?? '');
  return status === 401 && text.includes('"not_authenticated"');
}

/** JSON Schemas are costly to derive, and each endpoint is walked from every state. */
const knownInputs = new WeakMap<Endpoint, readonly Input[]>();

function inputsOf(endpoint: Endpoint): readonly Input[] {
  const known = knownInputs.get(endpoint) ?? deriveInputs(endpoint);
  knownInputs.set(endpoint, known);
  return known;
}

function deriveInputs(endpoint: Endpoint): Input[] {
  const inPath = [...endpoint.path.matchAll(/\{(\w+)\}/g)].map(([, name = '']) => ({ name, isRequired: true }));
  if (endpoint.kind === 'document') return inPath;
  const schemas = endpoint.kind === 'api' ? [endpoint.request.body] : [endpoint.request.form];
  return [...inPath, ...[...schemas, endpoint.request.query].flatMap((schema) => (schema ? propertiesOf(schema) : []))];
}

function propertiesOf(schema: z.ZodType): Input[] {
  const { properties = {}, required = [] } = z.toJSONSchema(schema, { io: 'input', unrepresentable: 'any' });
  return Object.entries(properties).map(([name, property]) => ({
    name,
    isRequired: required.includes(name),
    accepted: acceptedBy(property),
  }));
}

function acceptedBy(property: z.core.JSONSchema._JSONSchema): readonly string[] | undefined {
  if (typeof property === 'boolean') return undefined;
  const listed = property.const === undefined ? property.enum : [property.const];
  return listed?.map(String);
}

/** Whether the endpoint takes the ticket of a sign-up. */
function takesSignUp({ id }: Endpoint): boolean {
  return /^(sign_up|verify_email)\./.test(id);
}

/** Every combination of the holder's values. A link raises the epoch, so that a ticket beside it comes first. */
function combinations(endpoint: Endpoint, inputs: readonly Input[], holder: Holder): Fields[] {
  const all = allCombinations(endpoint, inputs, holder);
  if (!takesSignUp(endpoint)) return all;
  return all.toSorted((a, b) => Number(a.token !== undefined) - Number(b.token !== undefined));
}

function allCombinations(endpoint: Endpoint, inputs: readonly Input[], holder: Holder): Fields[] {
  return inputs
    .filter(({ name }) => name !== 'login')
    .reduce<Fields[]>(
      (partial, input) =>
        partial.flatMap((fields) => choices(endpoint, input, holder).map((choice) => ({ ...fields, ...choice }))),
      [{}],
    );
}

function choices(endpoint: Endpoint, { name, isRequired, accepted }: Input, { fields }: Holder): Fields[] {
  // The present password is no new one.
  const isNewPassword = /^login\.(submit_)?change_password$/.test(endpoint.id) && name === 'password';
  const values = isNewPassword ? fields.newPassword : fields[name];
  if (values === undefined) {
    if (!isRequired) return [{}];
    throw new Error(`the walk has no value for "${name}" of ${endpoint.id}; give it one in states.ts`);
  }
  const given = values.filter((value) => accepted?.includes(value) ?? true).map((value) => ({ [name]: value }));
  if (isRequired) return given.length === 0 ? [{ [name]: unknownSecret }] : given;
  return given.length === 0 || alternatives.has(name) ? [...given, {}] : given;
}

/** Whether the endpoint is a page of a login in progress. */
function opensByTicket(endpoint: Endpoint): boolean {
  return endpoint.kind === 'page' && endpoint.opensByTicket === true;
}

/** Without a session for endpoints that need none; else with each of the holder's. */
function sessionsFor(endpoint: Endpoint, { sessions, pageTickets }: Holder): readonly Credentials[] {
  if (opensByTicket(endpoint) && pageTickets.length > 0) {
    return pageTickets.map(({ id, text }) => ({ cookie: `latchkey_ticket=${text}`, login: id }));
  }
  return isPublic(endpoint) || sessions.length === 0 ? [{}] : sessions;
}

function isPublic({ auth }: Endpoint): boolean {
  return auth.principals.some((principal) => principal === 'public');
}

function requestOf(endpoint: Endpoint, fields: Fields, session: RequestOptions, holder: Holder) {
  const { method } = endpoint;
  const path = endpoint.path.replace(/\{(\w+)\}/g, (_, name: string) => fields[name] ?? '');
  const headers = headersOf(endpoint, session, holder);
  if (method === 'GET') {
    const query = new URLSearchParams(fields).toString();
    return { target: query === '' ? path : `${path}?${query}`, init: { method, headers } };
  }
  const body = bodyOf(endpoint, fields);
  if (body === undefined) return { target: path, init: { method, headers } };
  headers.set('content-type', endpoint.kind === 'page' ? 'application/x-www-form-urlencoded' : 'application/json');
  return { target: path, init: { method, headers, body } };
}

/** A page is sent by the browser that requested the user's links. */
function headersOf({ kind }: Endpoint, session: RequestOptions, holder: Holder): Headers {
  const headers = new Headers({ ...sameOrigin, ...session.headers });
  if (session.token !== undefined) headers.set('authorization', `Bearer ${session.token}`);
  const cookies = kind === 'page' ? [session.cookie, holder.browserCookie, renderedForm.cookie] : [session.cookie];
  headers.set('cookie', cookies.filter((cookie) => cookie !== undefined).join('; '));
  return headers;
}

function bodyOf(endpoint: Endpoint, fields: Fields): string | undefined {
  if (endpoint.kind === 'page') {
    return new URLSearchParams({ ...renderedForm.fields, ...withoutPath(endpoint.path, fields) }).toString();
  }
  if (endpoint.kind !== 'api' || endpoint.request.body === undefined) return undefined;
  const sent = Object.entries(withoutPath(endpoint.path, fields)).map(([name, value]) => {
    return [name, objects.has(name) ? JSON.parse(value) : (booleans[value] ?? value)] as const;
  });
  return JSON.stringify(Object.fromEntries(sent));
}

const booleans: Readonly<Record<string, boolean>> = { true: true, false: false };

function withoutPath(path: string, fields: Fields): Fields {
  return Object.fromEntries(Object.entries(fields).filter(([name]) => !path.includes(`{${name}}`)));
}

/** A form of a login in progress has the id of its ticket. */
function withLogin(endpoint: Endpoint, fields: Fields, { login = '' }: Credentials): Fields {
  return fieldsOf(endpoint).includes('login') ? { ...fields, login } : fields;
}

interface Body {
  readonly code?: string;
  readonly data?: { readonly accessToken?: string; readonly refreshToken?: string; readonly step?: string } | null;
}

interface ReadResponse extends Pick<Response, 'status' | 'headers'> {
  readonly text: string;
  /** The text without the values that were sent. */
  readonly own: string;
}

function outcomeOf({ status, headers, text, own }: ReadResponse, isSession: boolean): string {
  if (isSession) return 'session';
  const isJson = /^application\/(problem\+)?json/.test(headers.get('content-type') ?? '');
  const { code, data } = (isJson ? JSON.parse(text) : {}) as Body;
  const cookies = headers.getSetCookie().filter((cookie) => /^latchkey_session=[^;]/.test(cookie));
  if (cookies.length > 0 || data?.accessToken !== undefined || data?.refreshToken !== undefined) return 'tokens';
  if (hasTicket(headers, own)) return `ticket${data?.step === undefined ? '' : ` ${data.step}`}`;
  return code === undefined ? String(status) : `${status} ${code}`;
}

/** The API has tickets in the body, pages in a cookie. */
function hasTicket(headers: Headers, body: string): boolean {
  return /lk_lt_/.test(body) || headers.getSetCookie().some((cookie) => cookie.startsWith('latchkey_ticket=lk_lt_'));
}

/** An outcome that obtains more ranks higher; of rejections the one that comes after more checks, and a malformed request last. */
function rankOf(outcome: string): number {
  const issued = ['ticket', 'tokens', 'session'].indexOf(outcome.split(' ')[0] ?? '');
  if (issued >= 0) return 2_000 + issued;
  const status = Number(outcome.slice(0, 3));
  // A page that is shown ranks above the one that a request is led to.
  if (status < 400) return 1_400 - status;
  return status === 422 ? 0 : status;
}
