import { describeCommands } from './deployment-tests.ts';

describeCommands('server down');
