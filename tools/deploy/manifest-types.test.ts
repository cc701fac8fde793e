import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { typeErrors } from './manifest-types.ts';
import { installations, readManifests, renderedPath } from './manifests.ts';
import { planted } from './planted-fault.ts';

const pod = 'spec template spec';
const container = `${pod} containers 0`;

it.each(installations)('the objects of %s have the types of the API', (installation) => {
  expect(typeErrors(readManifests(readFileSync(renderedPath(installation), 'utf8')))).toEqual([]);
});

it('an unknown field, a wrong type and an unknown API version are named', () => {
  const unknown = typeErrors(planted('Deployment', 'latchkey-blue', `${container} readinessProb`, {}));
  expect(unknown).toEqual([expect.stringMatching(/^Deployment\/latchkey-blue: .*'"readinessProb"' does not exist/)]);
  const wrong = typeErrors(planted('Deployment', 'latchkey-blue', `${pod} enableServiceLinks`, 'no'));
  expect(wrong).toEqual([expect.stringMatching(/^Deployment\/latchkey-blue: Type 'string' is not assignable/)]);
  expect(typeErrors([{ apiVersion: 'apps/v1beta1', kind: 'Deployment', metadata: { name: 'old' } }])).toEqual([
    'Deployment/old: apps/v1beta1 is no API version that is checked',
  ]);
});
