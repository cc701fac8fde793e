/**
 * Prints how vague the comments are, per part of the repository; with a path, each comment below it that a rule would reject.
 * node bin/run.cjs tools/comment-words.ts [path]
 */
import {
  commentsOf,
  countWords,
  opensVaguely,
  partOf,
  vagueWords,
} from '../packages/server/test/architecture/comments.ts';
import { listFiles, readText } from '../packages/server/test/architecture/hygiene.ts';
import { parseSource } from '../packages/server/test/architecture/source.ts';
import { root } from './steps.ts';

const [below] = process.argv.slice(2);
const comments = listFiles(root)
  .filter((path) => path.endsWith('.ts') && path.startsWith(below ?? ''))
  .flatMap((path) => commentsOf(parseSource(path, readText(root, path).text)));

const parts = Map.groupBy(comments, ({ path }) => (below === undefined ? partOf(path) : path));
const rows = [...parts, ['all', comments] as const].map(([part, of]) => {
  const { words, vague } = countWords(of);
  return {
    part,
    words,
    'per 1,000': Number(((1000 * vague) / Math.max(words, 1)).toFixed(1)),
    openings: of.filter(opensVaguely).length,
  };
});
console.table(below === undefined ? rows : rows.filter((row) => row['per 1,000'] > 0 || row.openings > 0));

if (below !== undefined) {
  const vague = new RegExp(`\\b(?:${[...vagueWords].join('|')})\\b`, 'i');
  for (const comment of comments) {
    if (opensVaguely(comment) || vague.test(comment.text))
      console.log(`${comment.path}:${comment.line}: ${comment.text}`);
  }
}
