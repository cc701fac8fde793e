/** What every parser is asked under mutations. */
import { drawFrom, mutate, toText } from './mutations.ts';

/** A function that reads what somebody sent. */
export interface Parser {
  /** `protocol/<module>` or the file in `platform/http`. */
  readonly module: string;
  /** The name under which the module exports it. */
  readonly name: string;
  /** Inputs that it takes, and a few that it nearly takes. */
  readonly examples: readonly (string | Uint8Array)[];
  /** Reads an input; false is "refused". Throws only what `refusal` knows. */
  readonly read: (input: { readonly bytes: Buffer; readonly text: string }) => boolean | Promise<boolean>;
  /** Whether an error is its own way to refuse; no error is, unless it says so. */
  readonly refusal?: (error: unknown) => boolean;
}

/** What became of the mutations of a parser's examples. */
export interface Survival {
  readonly parser: string;
  readonly read: number;
  readonly refused: number;
  readonly slowestMs: number;
  /** Errors that it does not declare, broken promises, and inputs that took too long. */
  readonly faults: readonly string[];
}

/** Far above what any input of 16 kB needs, and far below what somebody would call hanging. */
const boundMs = 50;
const maxFaults = 5;

/** Reads so many mutations of the examples, and each example as it is. */
export async function survive(parser: Parser, mutations: number, seed: number): Promise<Survival> {
  const draw = drawFrom(seed);
  const examples = parser.examples.map((example) => Buffer.from(example as Uint8Array));
  const counts = { read: 0, refused: 0 };
  const faults: string[] = [];
  let slowestMs = 0;
  for (let count = -examples.length; count < mutations && faults.length < maxFaults; count += 1) {
    const bytes = count < 0 ? (examples[count + examples.length] ?? Buffer.alloc(0)) : mutate(examples, draw);
    const input = { bytes, text: count < 0 ? bytes.toString('utf8') : toText(bytes, draw) };
    const outcome = await attempt(parser, input);
    if (typeof outcome.result === 'string') faults.push(`${outcome.result}: ${described(input.text)}`);
    else counts[outcome.result ? 'read' : 'refused'] += 1;
    const ms = outcome.ms <= boundMs ? outcome.ms : await leastOf(parser, input);
    if (ms > boundMs) faults.push(`${Math.round(ms)} ms: ${described(input.text)}`);
    slowestMs = Math.max(slowestMs, ms);
  }
  return { parser: `${parser.module} ${parser.name}`, ...counts, slowestMs, faults };
}

type Input = Parameters<Parser['read']>[0];

async function attempt(
  parser: Parser,
  input: Input,
): Promise<{ readonly result: boolean | string; readonly ms: number }> {
  const start = performance.now();
  try {
    const outcome = parser.read(input);
    const result = typeof outcome === 'boolean' ? outcome : await outcome;
    return { result, ms: performance.now() - start };
  } catch (error) {
    const ms = performance.now() - start;
    return { result: parser.refusal?.(error) === true ? false : `threw ${String(error)}`, ms };
  }
}

/** The machine may pause between two lines; what is slow by itself is slow every time. */
async function leastOf(parser: Parser, input: Input): Promise<number> {
  const times: number[] = [];
  for (let again = 0; again < 3; again += 1) times.push((await attempt(parser, input)).ms);
  return Math.min(...times);
}

function described(text: string): string {
  return JSON.stringify(text.length > 120 ? `${text.slice(0, 120)}… (${text.length})` : text);
}
