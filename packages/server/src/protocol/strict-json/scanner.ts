/** `offset` is in UTF-16 code units. */
export type JsonFault = {
  readonly reason: 'syntax' | 'duplicate_key' | 'forbidden_key' | 'too_deep';
  readonly offset: number;
};

const quote = 0x22;
const comma = 0x2c;
const colon = 0x3a;
const backslash = 0x5c;
const openBracket = 0x5b;
const closeBracket = 0x5d;
const openBrace = 0x7b;
const closeBrace = 0x7d;
const lowercaseU = 0x75;

/** RFC 8259 §6. Sticky, so that matching neither copies nor searches the text. */
const numberForm = /-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?/y;
const literalForm = /true|false|null/y;
const hexDigits = /[0-9a-fA-F]{4}/y;
/** The characters that may follow a backslash (RFC 8259 §7), except `u`. */
const simpleEscapes = '"\\/bfnrt';

/** The names of an open object so far, or null for an open array. */
type Container = Set<string> | null;

/** Returns the first fault of a text, or null when `JSON.parse` will accept it. */
export function findFault(text: string, maxDepth: number): JsonFault | null {
  return new Scanner(text, maxDepth).run();
}

/**
 * A scanner of the whole grammar. It keeps its own stack of open containers, so that deep nesting costs an array entry
 * and not a stack frame. Each step returns whether to continue; false means that `#fault` is set or the text has ended.
 */
class Scanner {
  readonly #text: string;
  readonly #maxDepth: number;
  readonly #open: Container[] = [];
  #at = 0;
  #fault: JsonFault | null = null;

  constructor(text: string, maxDepth: number) {
    this.#text = text;
    this.#maxDepth = maxDepth;
  }

  run(): JsonFault | null {
    while (this.#value() && this.#afterValue());
    return this.#fault;
  }

  /** Scans up to the end of the next scalar or empty container, opening the containers before it. */
  #value(): boolean {
    for (;;) {
      const code = this.#next();
      if (code === quote) return this.#string();
      if (code !== openBrace && code !== openBracket) return this.#scalar(code);
      if (this.#open.length >= this.#maxDepth) return this.#fail('too_deep', this.#at);
      this.#at += 1;
      if (code === openBrace) {
        this.#open.push(new Set());
        if (this.#next() === closeBrace) return true;
        if (!this.#key()) return false;
      } else {
        this.#open.push(null);
        if (this.#next() === closeBracket) return true;
      }
    }
  }

  /** Closes the containers that end here; returns true after a comma, when another value must follow. */
  #afterValue(): boolean {
    for (;;) {
      const code = this.#next();
      const container = this.#open.at(-1);
      if (container === undefined) return this.#at === this.#text.length ? false : this.#fail('syntax', this.#at);
      if (code === comma) {
        this.#at += 1;
        return container === null || this.#key();
      }
      if (code !== (container === null ? closeBracket : closeBrace)) return this.#fail('syntax', this.#at);
      this.#at += 1;
      this.#open.pop();
    }
  }

  /** Scans a member's name and its colon. */
  #key(): boolean {
    if (this.#next() !== quote) return this.#fail('syntax', this.#at);
    const start = this.#at;
    if (!this.#string()) return false;
    const raw = this.#text.slice(start + 1, this.#at - 1);
    const name = raw.includes('\\') ? (JSON.parse(`"${raw}"`) as string) : raw;
    if (name === '__proto__') return this.#fail('forbidden_key', start);
    const names = this.#open.at(-1);
    if (names?.has(name)) return this.#fail('duplicate_key', start);
    names?.add(name);
    if (this.#next() !== colon) return this.#fail('syntax', this.#at);
    this.#at += 1;
    return true;
  }

  /** Scans a string from its opening quote to after its closing quote. */
  #string(): boolean {
    const text = this.#text;
    let at = this.#at + 1;
    for (;;) {
      const code = text.charCodeAt(at);
      if (code === quote) break;
      if (code === backslash) {
        const length = escapeLength(text, at);
        if (length === 0) return this.#fail('syntax', at);
        at += length;
      } else if (code >= 0x20) {
        at += 1;
      } else {
        // A control character, or NaN at the end of the text.
        return this.#fail('syntax', at);
      }
    }
    this.#at = at + 1;
    return true;
  }

  #scalar(code: number): boolean {
    const form = code >= 0x61 ? literalForm : numberForm;
    form.lastIndex = this.#at;
    if (!form.test(this.#text)) return this.#fail('syntax', this.#at);
    this.#at = form.lastIndex;
    return true;
  }

  /** Skips white space (RFC 8259 §2) and returns the code of the next character, or NaN at the end of the text. */
  #next(): number {
    for (;;) {
      const code = this.#text.charCodeAt(this.#at);
      if (code !== 0x20 && code !== 0x0a && code !== 0x0d && code !== 0x09) return code;
      this.#at += 1;
    }
  }

  #fail(reason: JsonFault['reason'], offset: number): false {
    this.#fault = { reason, offset };
    return false;
  }
}

/** Length of the escape sequence at a backslash; 0 when it is malformed. */
function escapeLength(text: string, at: number): number {
  if (text.charCodeAt(at + 1) === lowercaseU) {
    hexDigits.lastIndex = at + 2;
    return hexDigits.test(text) ? 6 : 0;
  }
  const escaped = text.charAt(at + 1);
  return escaped !== '' && simpleEscapes.includes(escaped) ? 2 : 0;
}
