/**
 * The reference of passwords: the same library with the product's own parameters and no other code.
 * The first argument is `hash` or `verify`; each message requests a number of computations and gets one reply.
 */

import { availableParallelism } from 'node:os';
import { hash, verify } from '@node-rs/argon2';

const options = { memoryCost: 19_456, timeCost: 2, parallelism: 1 };
const password = 'correct horse battery';
const phc = await hash(password, options);
const once = process.argv[2] === 'hash' ? () => hash(password, options) : () => verify(phc, password);

process.on('message', (message: { readonly count: number }) => {
  let left = message.count;
  const compute = async (): Promise<void> => {
    while (left > 0) {
      left -= 1;
      await once();
    }
  };
  void Promise.all(Array.from({ length: availableParallelism() }, compute)).then(() => process.send?.({ done: true }));
});
process.once('disconnect', () => process.exit());
process.send?.({ ready: true });
