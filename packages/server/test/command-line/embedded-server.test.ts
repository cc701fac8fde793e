import { describeCommands, describeServedCommands } from './deployment-tests.ts';

describeCommands('server up, embedded');
describeServedCommands('server up, embedded');
