import { describeEveryStatement } from './every-statement.ts';
import { openOnEmbedded } from './faulty-application.ts';

describeEveryStatement('the embedded database', openOnEmbedded, 'short');
