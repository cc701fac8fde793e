/**
 * Return addresses: where a person goes on after signing in, signing up or signing out. Either a page of ours, or a page of
 * an application whose origin a client lists, to the letter.
 *
 * A return address comes from a query, a form, a ticket or a mailed link, so it is validated each time that it is used: the
 * list of origins may have changed since, and whoever sent a form may have written it.
 */
import { z } from 'zod';
import { type Client, defaultClientName, isOrigin } from '#domain/clients/index.ts';
import { type OwnPath, toOwnPath } from './own-path.ts';

/** The longest address that is accepted; `continueField` lets longer ones through to the page that explains the refusal. */
const maxLength = 2000;

/** The field and the query parameter that carry an address. */
export const continueField = z.string().max(8192).optional();

/** A page of ours. */
export interface OwnAddress {
  readonly kind: 'own';
  readonly text: OwnPath;
}

/** A page of an application. */
export interface ApplicationAddress {
  readonly kind: 'application';
  readonly text: string;
  /** As people know it: its name, else its host. */
  readonly application: string;
  readonly host: string;
}

export type ReturnAddress = OwnAddress | ApplicationAddress;

/** Dependencies of `ReturnAddresses`. */
export interface AllowedReturns {
  readonly clients: {
    readonly byOrigin: (origin: string) => Pick<Client, 'name'> | undefined;
    readonly listedOrigins: readonly string[];
  };
  /** In development an application on this machine may have http, and refusals name the command that lists an origin. */
  readonly isDevelopment: boolean;
}

export class ReturnAddresses {
  readonly #clients: AllowedReturns['clients'];
  readonly #isDevelopment: boolean;

  constructor({ clients, isDevelopment }: AllowedReturns) {
    this.#clients = clients;
    this.#isDevelopment = isDevelopment;
  }

  /** Returns undefined for an address that is not allowed. */
  read(text: string): ReturnAddress | undefined {
    const own = toOwnPath(text);
    return own === undefined ? this.#application(text) : { kind: 'own', text: own };
  }

  /** As `read`, for a parameter that may be absent. */
  readOptional(text: string | undefined): ReturnAddress | undefined | 'refused' {
    return text === undefined ? undefined : (this.read(text) ?? 'refused');
  }

  /** The command that allows an address; undefined in production. */
  commandFor(text: string): string | undefined {
    if (!this.#isDevelopment) return undefined;
    const asked = copyableOrigin(text) ?? 'https://app.example.com';
    const all = [...new Set([...this.#clients.listedOrigins, asked])];
    return `latchkey client set-origins ${all.map((origin) => `--origin ${origin}`).join(' ')}`;
  }

  #application(text: string): ApplicationAddress | undefined {
    // A backslash is a slash to browsers, and tabs and line breaks are none of the address at all (WHATWG URL §4.4).
    if (text.length > maxLength || !/^https?:[\x21-\x5b\x5d-\x7e]+$/.test(text) || !URL.canParse(text))
      return undefined;
    const { protocol, origin, host, href } = new URL(text);
    if (!isSpelledAs(origin, text) || (protocol === 'http:' && !this.#isDevelopment)) return undefined;
    const client = this.#clients.byOrigin(origin);
    if (client === undefined) return undefined;
    const application = client.name === defaultClientName ? host : client.name;
    return { kind: 'application', text: href, application, host };
  }
}

/** Whether an address begins with its origin, letter by letter: no user info, no default port, no other case. */
function isSpelledAs(origin: string, text: string): boolean {
  return text.startsWith(origin) && /^(?:[/?#]|$)/.test(text.slice(origin.length));
}

/** A host may contain what a shell would run, such as `$(id)`: only an origin of plain characters goes into a command. */
function copyableOrigin(text: string): string | undefined {
  if (!URL.canParse(text)) return undefined;
  const { origin } = new URL(text);
  return isOrigin(origin) && /^https?:\/\/[a-z0-9.-]+(?::\d+)?$/.test(origin) ? origin : undefined;
}
