import { describeCommands, describeServedCommands } from './deployment-tests.ts';

describeCommands('server up, PostgreSQL');
describeServedCommands('server up, PostgreSQL');
