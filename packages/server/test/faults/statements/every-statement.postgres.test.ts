import { describeEveryStatement } from './every-statement.ts';
import { openOnPostgres } from './faulty-application.ts';

describeEveryStatement('PostgreSQL', openOnPostgres, 'whole');
