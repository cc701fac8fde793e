import { describe } from 'vitest';
import { deploymentOf, testCommands, testEffects, testProcesses, testPrompts } from './deployment-tests.ts';

describe('server up, PostgreSQL', () => {
  const deployment = deploymentOf('server up, PostgreSQL');
  testCommands('server up, PostgreSQL', deployment);
  testPrompts(deployment);
  testProcesses('server up, PostgreSQL', deployment);
  testEffects(deployment);
});
