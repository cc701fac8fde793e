import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { checkGate } from './gate.ts';
import { parseSource, printFinding } from './source.ts';

const planted = `${import.meta.dirname}/../fixtures/second-way/index.ts`;

function sentences(path: string, text: string): string[] {
  return checkGate(parseSource(`packages/server/src/${path}`, text)).map(printFinding);
}

const because = 'only domain/authentication creates sessions from a login';

describe('the gate', () => {
  it('rejects a flow that writes a session by itself', () => {
    const found = sentences('flows/second-way/index.ts', readFileSync(planted, 'utf8'));
    expect(found.map((sentence) => sentence.replace(/:\d+:/, ':'))).toEqual([
      `flows/second-way/index.ts: ${because} ("insertFamilyFragment")`,
      `flows/second-way/index.ts: ${because} ("issueSession")`,
      `flows/second-way/index.ts: ${because} ("insertSessionFragment")`,
    ]);
  });

  it.each([
    ['import { issueTicket as make } from "#domain/authentication/index.ts";', 'issueTicket'],
    ['import * as gate from "#domain/authentication/index.ts";\ngate.nextStep(facts);', 'nextStep'],
    ['export { consumeTicket } from "#domain/authentication/index.ts";', 'consumeTicket'],
    ['const a = await import("#domain/authentication/index.ts");\na.writeSession();', 'writeSession'],
    ['const sql = `with a as (insert into sessions (id) values (:id))`;', 'insert into sessions'],
    ['const sql = "INSERT  INTO refresh_families (id) values (:id)";', 'INSERT  INTO refresh_families'],
    ['const sql = "insert into logins (id) values (:id)";', 'insert into logins'],
  ])('rejects %s', (text, what) => {
    expect(sentences('flows/login/login.ts', text)).toEqual([expect.stringMatching(`: ${because} \\("${what}"\\)$`)]);
    expect(sentences('app/wiring.ts', text)).toHaveLength(1);
  });

  it.each([
    ['domain/authentication/complete.ts', 'import { issueSession } from "#domain/session-issuance/index.ts";'],
    ['domain/session-issuance/renew.ts', 'import { insertSessionFragment } from "#domain/sessions/index.ts";'],
    ['flows/change-password/index.ts', 'import { renewSession } from "#domain/session-issuance/index.ts";'],
    ['flows/login/login.ts', 'import { startLogin } from "#domain/authentication/index.ts";'],
    ['domain/sessions/session.ts', 'const sql = "insert into sessions (id) values (:id)";'],
    ['flows/login/login.http.test.ts', 'const sql = "insert into sessions (id) values (:id)";'],
  ])('accepts in %s: %s', (path, text) => {
    expect(sentences(path, text)).toEqual([]);
  });
});
