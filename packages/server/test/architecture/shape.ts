import { type Finding, findingAt, productPath, type Source } from './source.ts';

const longestFileLines = 400;

const collection = /(?:^|\/)(utils?|helpers?|common|misc|constants|dto)(?:\/|\.ts$)/;

/** Checks the name of the file, its length, its opening comment, and its TODOs. */
export function checkShape(source: Source): Finding[] {
  return [...checkName(source), ...checkLength(source), ...checkOpening(source), ...checkUndone(source)];
}

function checkName(source: Source): Finding[] {
  const name = collection.exec(source.path)?.[1];
  if (name === undefined) return [];
  return [findingAt(source, 0, 'file_name', `"${name}" names no subject; name the file after its content`)];
}

function checkLength(source: Source): Finding[] {
  const lines = source.text.trimEnd().split('\n').length;
  if (lines <= longestFileLines) return [];
  const sentence = `a file of ${lines} lines; ${longestFileLines} are allowed`;
  return [findingAt(source, source.text.length, 'file_length', sentence)];
}

function checkOpening(source: Source): Finding[] {
  const isIndex = productPath(source.path)?.endsWith('/index.ts') === true;
  if (!isIndex || source.text.startsWith('/**')) return [];
  return [
    findingAt(source, 0, 'index_comment', 'an index.ts opens with a doc comment: what it owns, which invariants'),
  ];
}

function checkUndone(source: Source): Finding[] {
  return source.comments
    .filter((comment) => /\b(?:TODO|FIXME|XXX)\b(?! ?\(?#\d)/.test(comment.value))
    .map((comment) => findingAt(source, comment.start, 'todo', 'a TODO needs the number of an issue'));
}
