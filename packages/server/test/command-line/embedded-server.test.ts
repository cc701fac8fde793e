import { describe } from 'vitest';
import { deploymentOf, testCommands, testEffects, testProcesses, testPrompts } from './deployment-tests.ts';

describe('server up, embedded', () => {
  const deployment = deploymentOf('server up, embedded');
  testCommands('server up, embedded', deployment);
  testPrompts(deployment);
  testProcesses('server up, embedded', deployment);
  testEffects(deployment);
});
