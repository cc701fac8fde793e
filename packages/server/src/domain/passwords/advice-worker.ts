/**
 * The worker thread of the strength estimator. Its tables take about 80 MB and 250 ms to load, and an estimate takes up to
 * 330 ms. It therefore runs outside of the event loop and is started on demand.
 */
import { parentPort } from 'node:worker_threads';
import { ZxcvbnFactory } from '@zxcvbn-ts/core';
import { adjacencyGraphs, dictionary as common } from '@zxcvbn-ts/language-common';
import { dictionary as english, translations } from '@zxcvbn-ts/language-en';

type Texts = Readonly<Record<string, string>>;

// Replaces the estimator's texts by their codes; the texts are in our catalogs.
const codes = <T extends Texts>(texts: T): T => Object.fromEntries(Object.keys(texts).map((code) => [code, code])) as T;

const estimator = new ZxcvbnFactory({
  graphs: adjacencyGraphs,
  // Without the two largest word lists: they only add the warning "a word by itself", and every profile's minimum length
  // rejects those.
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
