import { checkCycles } from './cycles.ts';
import { checkExpressions } from './expressions.ts';
import { checkFunctions } from './functions.ts';
import { checkGate } from './gate.ts';
import { checkImports } from './imports.ts';
import { checkOldNames } from './old-names.ts';
import { checkShape } from './shape.ts';
import type { Finding, Source } from './source.ts';

/** The findings of all rules in these files. */
export function checkSources(sources: readonly Source[]): Finding[] {
  const single = sources.flatMap((source) => [
    ...checkImports(source),
    ...checkGate(source),
    ...checkShape(source),
    ...checkFunctions(source),
    ...checkExpressions(source),
    ...checkOldNames(source),
  ]);
  return [...single, ...checkCycles(sources)];
}
