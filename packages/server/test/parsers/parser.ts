/** Runs a parser on mutations of its examples. */
import { drawFrom, mutate, toText } from './mutations.ts';

/** A function that parses untrusted input. */
export interface Parser {
  /** `protocol/<module>`, or the file in `platform/http`. */
  readonly module: string;
  /** The exported name. */
  readonly name: string;
  /** Valid inputs and a few nearly valid ones. */
  readonly examples: readonly (string | Uint8Array)[];
  /** Parses an input and returns whether it was accepted. Throws only errors that `refusal` accepts. */
  readonly read: (input: { readonly bytes: Buffer; readonly text: string }) => boolean | Promise<boolean>;
  /** Whether an error is a declared way to reject input; without it, every error is a fault. */
  readonly refusal?: (error: unknown) => boolean;
}

export interface FuzzResult {
  readonly parser: string;
  readonly read: number;
  readonly refused: number;
  readonly slowestMs: number;
  /** Undeclared errors, violated assertions and slow inputs. */
  readonly faults: readonly string[];
}

/** Far above the time of any 16 kB input, far below a noticeable hang. */
const maxMs = 50;
const maxFaults = 5;

/** Parses each example and `mutations` mutations of the examples. */
export async function fuzz(parser: Parser, mutations: number, seed: number): Promise<FuzzResult> {
  const draw = drawFrom(seed);
  const examples = parser.examples.map((example) => Buffer.from(example as Uint8Array));
  const counts = { read: 0, refused: 0 };
  const faults: string[] = [];
  let slowestMs = 0;
  for (let count = -examples.length; count < mutations && faults.length < maxFaults; count += 1) {
    const bytes = count < 0 ? (examples[count + examples.length] ?? Buffer.alloc(0)) : mutate(examples, draw);
    const input = { bytes, text: count < 0 ? bytes.toString('utf8') : toText(bytes, draw) };
    const outcome = await attempt(parser, input);
    if (typeof outcome.result === 'string') faults.push(`${outcome.result}: ${describeInput(input.text)}`);
    else counts[outcome.result ? 'read' : 'refused'] += 1;
    const ms = outcome.ms <= maxMs ? outcome.ms : await leastOf(parser, input);
    if (ms > maxMs) faults.push(`${Math.round(ms)} ms: ${describeInput(input.text)}`);
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

/** A pause of the machine slows one run; a slow input is slow in every run. */
async function leastOf(parser: Parser, input: Input): Promise<number> {
  const times: number[] = [];
  for (let again = 0; again < 3; again += 1) times.push((await attempt(parser, input)).ms);
  return Math.min(...times);
}

function describeInput(text: string): string {
  return JSON.stringify(text.length > 120 ? `${text.slice(0, 120)}… (${text.length})` : text);
}
