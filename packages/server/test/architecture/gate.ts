/** Only the gate creates sessions from a login: nothing else reaches the functions and tables that make one. */
import { moduleOf } from './imports.ts';
import { type Finding, findingAt, isTest, nodesOf, productPath, type Source } from './source.ts';

const gate = 'domain/authentication';
const issuance = 'domain/session-issuance';

/** The modules that may name each function. `domain/session-issuance` renews sessions and never begins one. */
const guardedNames: ReadonlyMap<string, readonly string[]> = new Map([
  ['insertSessionFragment', [gate, issuance, 'domain/sessions']],
  ['insertFamilyFragment', [gate, issuance, 'domain/refresh-tokens']],
  ['issueSession', [gate, issuance]],
  ['completeStatement', [gate]],
  ['writeSession', [gate]],
  ['writeTicket', [gate]],
  ['consumeProof', [gate]],
  ['authenticationContext', [gate]],
  ['issueTicket', [gate]],
  ['signUpTicketFragment', [gate, 'domain/registrations', 'flows/register']],
  ['confirmSignUp', [gate, 'flows/verify-email']],
  ['findTicket', [gate]],
  ['consumeTicket', [gate]],
  ['loginFacts', [gate]],
  ['nextStep', [gate]],
]);

/** The modules that may insert into each table. */
const guardedTables: Readonly<Record<string, string>> = {
  sessions: 'domain/sessions',
  refresh_families: 'domain/refresh-tokens',
  refresh_tokens: 'domain/refresh-tokens',
  logins: gate,
};

const insertion = new RegExp(`\\binsert\\s+into\\s+(${Object.keys(guardedTables).join('|')})\\b`, 'gi');

/** Finds the names and the SQL that create a session or a ticket outside their modules. */
export function checkGate(source: Source): Finding[] {
  const path = productPath(source.path);
  if (path === undefined || isTest(path)) return [];
  const { layer, name } = moduleOf(path);
  const own = `${layer}/${name}`;
  const report = (offset: number, what: string) =>
    findingAt(source, offset, 'gate', `only ${gate} creates sessions from a login ("${what}")`);
  const names = namesIn(source).flatMap(({ text, offset }) =>
    guardedNames.get(text)?.includes(own) === false ? [report(offset, text)] : [],
  );
  const insertions = [...source.text.matchAll(insertion)].flatMap(({ 0: sql, 1: table = '', index }) =>
    guardedTables[table.toLowerCase()] === own ? [] : [report(index, sql)],
  );
  return [...names, ...insertions];
}

/** Each identifier of a file, at its first position. */
function namesIn(source: Source) {
  const nodes = nodesOf(source.program).filter((node) => node.type === 'Identifier');
  const names = nodes.map((node) => ({ text: String(node.name), offset: node.start }));
  return firstOfEach(names);
}

function firstOfEach(names: readonly { readonly text: string; readonly offset: number }[]) {
  const seen = new Set<string>();
  return names.filter(({ text }) => !seen.has(text) && seen.add(text));
}
