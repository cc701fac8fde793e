/** Regular expressions that read no more characters than their callers let through, and what bounds them. */

export interface BoundedExpression {
  readonly pattern: string;
  readonly characters: number;
  readonly bound: string;
}

const ownFile = { characters: 500, bound: 'files of the product, in which a run of blanks is short' };
const schema = { characters: 400, bound: 'the schema of the name or address' };
const beginning = { characters: 2_000, bound: 'the part of the reply that is read' };

export const boundedExpressions: readonly BoundedExpression[] = [
  { pattern: String.raw`[^\p{L}\p{M}\p{N}]+$`, characters: 200, bound: 'the setting of the name of the service' },
  { pattern: String.raw`(@[^\s>]*)\.[^\s.>]+`, ...schema },
  { pattern: String.raw`^[\p{Zs}\t]+|[\p{Zs}\t]+$`, ...schema },
  {
    pattern: String.raw`[^\s<>"'(),;:]+@[^\s<>"'(),;:]+`,
    characters: 500,
    bound: 'the part of a message that is logged',
  },
  { pattern: String.raw`^[ \t]+|[ \t]+$`, characters: 512, bound: 'the length of Accept-Language that is read' },
  { pattern: String.raw`[a-z][a-z0-9+.-]*:\/\/\S+`, ...beginning },
  { pattern: String.raw`[^\s<>]*@[^\s<>]*`, ...beginning },
  { pattern: '=+$', characters: 200, bound: 'base64 as it was encoded, which ends in two signs at most' },
  { pattern: String.raw`\s*([{};,])\s*`, ...ownFile },
  { pattern: String.raw`\s*\n\s*`, ...ownFile },
  { pattern: String.raw`^\s*\/\/.*\n`, ...ownFile },
];
