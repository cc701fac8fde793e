import { readFileSync } from 'node:fs';
import type { DeclaredProblem } from './observed-responses.ts';

type Responses = Readonly<
  Record<string, { readonly content?: Readonly<Record<string, { readonly schema?: ProblemSchema }>> }>
>;
type ProblemSchema = { readonly properties?: { readonly code?: { readonly enum?: readonly string[] } } };
type Operation = { readonly operationId: string; readonly responses: Responses };
type OpenApi = { readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>> };

/** Every problem that the published document declares. */
export function declaredProblems(openApiPath: string): readonly DeclaredProblem[] {
  const { paths } = JSON.parse(readFileSync(openApiPath, 'utf8')) as OpenApi;
  return Object.values(paths).flatMap((methods) => Object.values(methods).flatMap(ofOperation));
}

function ofOperation({ operationId, responses }: Operation): DeclaredProblem[] {
  return Object.entries(responses).flatMap(([status, { content }]) => {
    const codes = content?.['application/problem+json']?.schema?.properties?.code?.enum ?? [];
    return codes.map((code) => ({ operation: operationId, status: Number(status), code }));
  });
}
