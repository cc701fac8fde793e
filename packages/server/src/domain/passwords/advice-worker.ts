/**
 * The thread of the strength estimator. Its tables take some 80 MB, loading them 250 ms and an estimate up to a third of a second, which is why
 * it is neither on the event loop nor there before somebody needs advice.
 */
import { parentPort } from 'node:worker_threads';
import { ZxcvbnFactory } from '@zxcvbn-ts/core';
import { adjacencyGraphs, dictionary as common } from '@zxcvbn-ts/language-common';
import { dictionary as english, translations } from '@zxcvbn-ts/language-en';

type Texts = Readonly<Record<string, string>>;

// What it says is a code, and the words stand in our catalogues.
const codes = <T extends Texts>(texts: T): T => Object.fromEntries(Object.keys(texts).map((code) => [code, code])) as T;

const estimator = new ZxcvbnFactory({
  graphs: adjacencyGraphs,
  // Without its two largest word lists: what they would add is "a word by itself", which no profile's length lets through.
  dictionary: {
    ...common,
    'firstnames-en': english['firstnames-en'],
    'lastnames-en': english['lastnames-en'],
  },
  translations: {
    ...translations,
    warnings: codes(translations.warnings),
    suggestions: codes(translations.suggestions),
  },
});

parentPort?.on('message', ({ password, words }: { readonly password: string; readonly words: readonly string[] }) => {
  const { feedback } = estimator.check(password, [...words]);
  parentPort?.postMessage(feedback.warning);
});
