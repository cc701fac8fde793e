import { describeEveryStatement } from './every-statement.ts';
import { openOnPostgres } from './places.ts';

describeEveryStatement('PostgreSQL', openOnPostgres);
