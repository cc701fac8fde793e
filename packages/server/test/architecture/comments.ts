import { posix } from 'node:path';
import type { Source } from './source.ts';

/** The prose of one comment: markers, code spans and directives of tools are removed. */
export type CommentText = {
  /** From the root of the repository. */
  readonly path: string;
  readonly line: number;
  readonly text: string;
};

/** Words of comments, and those of them that {@link vagueWords} lists. */
export type WordCount = {
  readonly words: number;
  readonly vague: number;
};

const directive = /^\s*(?:biome-ignore|oxlint-|@ts-|v8 ignore|eslint-|#region|#endregion)/;

/**
 * Words that hide the component that acts, or let a program speak. Codebases that are known for their prose have 0 to 3 of
 * them in 1,000 words of comments.
 */
export const vagueWords: ReadonlySet<string> = new Set(
  `who whoever somebody nobody anybody everybody say says said tell tells told answers answered ask asks asked
   kill kills killed forgive forgives forgiven demands promise promises promised`.split(/\s+/),
);

const vagueOpening = /^(?:What|Who|Whose|Where)\b/;

/** All comments of a file; successive line comments are one. */
export function commentsOf(source: Source): CommentText[] {
  const blocks: { line: number; end: number; parts: string[] }[] = [];
  for (const comment of source.comments) {
    if (directive.test(comment.value.replace(/^\*+/, ''))) continue;
    const last = blocks.at(-1);
    const between = last === undefined ? undefined : source.text.slice(last.end, comment.start);
    if (comment.type === 'Line' && last !== undefined && /^\n[ \t]*$/.test(between ?? '')) {
      last.parts.push(comment.value);
      last.end = comment.end;
      continue;
    }
    const line = source.text.slice(0, comment.start).split('\n').length;
    blocks.push({ line, end: comment.end, parts: [comment.value] });
  }
  return blocks.map(({ line, parts }) => ({ path: source.path, line, text: proseOf(parts.join('\n')) }));
}

function proseOf(raw: string): string {
  return raw
    .replace(/^\*+/, '')
    .replaceAll(/^[ \t]*(?:\*[ \t]?)?/gm, '')
    .trim();
}

export function countWords(comments: readonly CommentText[]): WordCount {
  const words = comments.flatMap(({ text }) => wordsOf(text));
  return { words: words.length, vague: words.filter((word) => vagueWords.has(word)).length };
}

function wordsOf(text: string): string[] {
  return (
    text
      .replaceAll(/`[^`]*`|"[^"]*"/g, ' ')
      .match(/[A-Za-z][A-Za-z'’-]*/g)
      ?.map((word) => word.toLowerCase()) ?? []
  );
}

/** Whether a comment opens with a relative clause in place of a sentence about the component. */
export function opensVaguely({ text }: CommentText): boolean {
  return vagueOpening.test(text);
}

/** The part of the repository that a comment counts for: a layer of the server, or a directory of the root. */
export function partOf(path: string): string {
  const inServer = /^packages\/server\/(?:src\/[^/]+|test)(?=\/)/.exec(path)?.[0];
  return inServer ?? posix.dirname(path).split('/')[0] ?? '.';
}

const mostVaguePerThousand = 3;

/** A sentence for each part of the repository with too many vague words, and for each comment that opens vaguely. */
export function checkComments(comments: readonly CommentText[]): string[] {
  const parts = Map.groupBy(comments, ({ path }) => partOf(path));
  const counts = [...parts].map(([part, of]) => ({ part, ...countWords(of) }));
  return [
    ...counts
      .filter(({ words, vague }) => vague > 1 && 1000 * vague > mostVaguePerThousand * words)
      .map(({ part, words, vague }) => `${part}: ${vague} vague words in ${words} of comments; ${howToList(part)}`),
    ...comments
      .filter(opensVaguely)
      .map(
        ({ path, line, text }) =>
          `${path}:${line}: a comment opens with its subject, not with "${text.split(/\s/)[0]}"`,
      ),
  ];
}

function howToList(part: string): string {
  return `${mostVaguePerThousand} in 1,000 are allowed; "node bin/run.cjs tools/comment-words.ts ${part}" lists them`;
}
