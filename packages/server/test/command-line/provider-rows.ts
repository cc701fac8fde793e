import type { CommandRow } from './command-row.ts';

/** The rows of `latchkey provider`, in their order. */
export const providerRows: readonly CommandRow[] = [
  { command: 'provider list', output: /^There are no identity providers\.$/ },
  {
    command: 'provider add',
    argv: ['google', '--preset', 'google', '--client-id', '42.apps.example', '--client-secret-stdin'],
    input: 'a client secret\n',
    output:
      /^Added Google \(https:\/\/accounts\.google\.com\)\.\nEnter this callback URL at the provider: http\S+\/login\/with\/google\/callback\nThen run "latchkey provider test google"\.$/,
  },
  {
    command: 'provider add',
    argv: ['second', '--preset', 'google', '--client-id', 'x', '--client-secret-stdin'],
    input: 'secret\n',
    exit: 1,
    output: /^A provider with the name "second" or the issuer https:\/\/accounts\.google\.com exists already\.$/,
  },
  {
    command: 'provider add',
    argv: ['gitlab', '--preset', 'gitlab', '--client-id', 'x'],
    exit: 2,
    output: /^GitLab needs a client secret\.$/,
  },
  {
    command: 'provider add',
    argv: ['own', '--preset', 'oidc', '--client-id', 'x', '--issuer', 'http://127.0.0.1:1'],
    exit: 2,
    output: /^http:\/\/127\.0\.0\.1:1 must begin with https:\.$/,
  },
  {
    command: 'provider add',
    argv: ['own', '--preset', 'oidc', '--client-id', 'x', '--issuer', 'http://127.0.0.1:1', '--allow-private'],
    output: /^Added Single sign-on \(http:\/\/127\.0\.0\.1:1\)\.$/m,
  },
  {
    command: 'provider add',
    argv: ['apple', '--preset', 'apple', '--client-id', 'x', '--team-id', 'TEAM000001'],
    exit: 2,
    output: /^Use --team-id, --key-id together\.$/,
  },
  {
    command: 'provider test',
    argv: ['own'],
    exit: 1,
    output: /^The test failed: identity provider own: unreachable\.$/,
  },
  { command: 'provider set', argv: ['own'], exit: 2, output: /^Name what to change, such as --client-secret-stdin\.$/ },
  {
    command: 'provider set',
    argv: ['own', '--client-secret-stdin'],
    input: 'a newer secret\n',
    output: /^Changed Single sign-on\.$/,
  },
  {
    command: 'provider set',
    argv: ['own', '--client-secret-stdin'],
    input: 'a newer secret\n',
    output: /^Single sign-on has these settings already\.$/,
  },
  {
    command: 'provider set',
    argv: ['own', '--no-allow-private'],
    exit: 2,
    output: /^http:\/\/127\.0\.0\.1:1 must begin with https:\.$/,
  },
  {
    command: 'provider set',
    argv: ['none', '--label', 'None'],
    exit: 1,
    output: /^There is no identity provider "none"\.$/,
  },
  { command: 'provider disable', argv: ['google'], output: /^Google is disabled\.$/ },
  { command: 'provider disable', argv: ['google'], output: /^Google was disabled already\.$/ },
  {
    command: 'provider list',
    output:
      /^google {2}google {2}disabled {2}command line {2}Google {10}https:\/\/accounts\.google\.com\nown {5}oidc {4}enabled {3}command line {2}Single sign-on {2}http:\/\/127\.0\.0\.1:1$/,
  },
  { command: 'provider enable', argv: ['google'], output: /^Google is enabled\.$/ },
  { command: 'provider remove', argv: ['google'], output: /^Removed Google\.$/ },
  { command: 'provider remove', argv: ['google'], exit: 1, output: /^There is no identity provider "google"\.$/ },
  { command: 'provider remove', argv: ['own'], output: /^Removed Single sign-on\.$/ },
];
