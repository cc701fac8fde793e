/** The functions that parse bodies, queries and cookies. */
import assert from 'node:assert/strict';
import { Problem } from '#kernel/problem.ts';
import {
  decodeUtf8,
  isFormType,
  isJsonType,
  readForm,
  readJson,
  readKnownPairs,
} from '#platform/http/admission/body.ts';
import { cookiesFor } from '#platform/http/admission/cookies.ts';
import { formatSecret, secretPrefixes } from '#protocol/secret-token/index.ts';
import { parseStrictJson } from '#protocol/strict-json/index.ts';
import type { Parser } from './parser.ts';

const secret = formatSecret(secretPrefixes.session, Buffer.alloc(32, 0xa5));
const cookies = cookiesFor(new URL('https://login.example'));
const isProblem = (error: unknown): boolean => error instanceof Problem && error.status < 500;
/** JSON documents, for every parser of JSON. */
export const documents = [
  '{"email":"ada@example.com","password":"correct horse battery"}',
  '[1,-2.5e10,true,false,null,"\\u00e9\\n",{"a":{"b":[[]]}}]',
  '"text"',
  ' { "a" : 1 } ',
];
const forms = ['email=ada%40example.com&password=correct+horse', 'a=1&b=%C3%A9&c', 'verbose', 'token=lk_ot_abc&x='];

export const httpParsers: readonly Parser[] = [
  {
    module: 'body.ts',
    name: 'decodeUtf8',
    examples: documents,
    refusal: isProblem,
    read: ({ bytes }) => {
      assert.deepEqual(Buffer.from(decodeUtf8(bytes)), bytes);
      return true;
    },
  },
  {
    module: 'body.ts',
    name: 'readJson',
    examples: documents,
    refusal: isProblem,
    read: ({ text }) => {
      assert.deepEqual(readJson(text, parseStrictJson), JSON.parse(text));
      return true;
    },
  },
  {
    module: 'body.ts',
    name: 'readForm',
    examples: forms,
    refusal: isProblem,
    read: ({ text }) => {
      const read = readForm(text);
      assert.ok(Object.values(read).every((value) => typeof value === 'string'));
      assert.equal(Object.getPrototypeOf(read), null);
      return true;
    },
  },
  {
    module: 'body.ts',
    name: 'readKnownPairs',
    examples: [...forms, 'token=lk_ot_abc&utm_source=mail'],
    refusal: isProblem,
    read: ({ text }) => {
      const read = readKnownPairs(text, new Set(['email', 'token', 'a']));
      assert.ok(Object.keys(read).every((name) => ['email', 'token', 'a'].includes(name)));
      return Object.keys(read).length > 0;
    },
  },
  {
    module: 'body.ts',
    name: 'isJsonType',
    examples: ['application/json', 'application/json; charset=utf-8', 'APPLICATION/JSON;charset="UTF-8"'],
    read: ({ text }) => isJsonType(text),
  },
  {
    module: 'body.ts',
    name: 'isFormType',
    examples: ['application/x-www-form-urlencoded', 'application/x-www-form-urlencoded; charset=utf-8'],
    read: ({ text }) => isFormType(text),
  },
  {
    module: 'cookies.ts',
    name: 'cookiesFor',
    examples: [`__Host-latchkey=${secret}; other=1`, `a=b; __Host-latchkey-device=${secret}`, '__Host-latchkey=x'],
    refusal: isProblem,
    read: ({ text }) => Object.values(cookies.read(text)).some((value) => value === secret),
  },
];
