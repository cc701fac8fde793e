import { describe } from 'vitest';
import { deploymentOf, testCommands, testProcesses, testPrompts } from './deployment-tests.ts';

describe('server down', () => {
  const deployment = deploymentOf('server down');
  testCommands('server down', deployment);
  testPrompts(deployment);
  testProcesses('server down', deployment);
});
