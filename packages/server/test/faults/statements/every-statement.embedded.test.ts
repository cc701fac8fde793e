import { describeEveryStatement } from './every-statement.ts';
import { openOnEmbedded } from './places.ts';

describeEveryStatement('the embedded database', openOnEmbedded);
