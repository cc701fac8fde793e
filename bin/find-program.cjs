'use strict';

// Plain CommonJS without newer syntax, like the launcher, which loads it on any Node.

const fs = require('fs');
const path = require('path');
const { root } = require('./find-node.cjs');

const sourceProgram = path.join('packages', 'server', 'src', 'app', 'main.ts');
const manifestFile = path.join('packages', 'server', 'dist', 'bundle.json');

/**
 * The file that starts the program: the bundle of `npm run build`, which starts in half the time, or the sources if it is absent
 * or one of them has changed since. An installation without sources, such as the container image, has the bundle alone.
 *
 * @param {string} [directory] the root of the installation; default: the one of this file.
 * @returns {string} its absolute path.
 */
function findProgram(directory) {
  const home = directory || root;
  const source = path.join(home, sourceProgram);
  const manifest = readManifest(path.join(home, manifestFile));
  if (manifest === undefined) return source;
  const bundle = path.join(home, manifest.program);
  if (!fs.existsSync(source)) return bundle;
  return fs.existsSync(bundle) && Object.keys(manifest.sources).every(isUnchanged) ? bundle : source;

  /** @param {string} name of a source, relative to the root. */
  function isUnchanged(name) {
    const stamp = manifest.sources[name];
    const state = fs.statSync(path.join(home, name), { throwIfNoEntry: false });
    return state !== undefined && state.size === stamp[0] && state.mtimeMs === stamp[1];
  }
}

/** @returns {{ program: string, sources: Record<string, [number, number]> } | undefined} undefined without a whole bundle. */
function readManifest(file) {
  try {
    return JSON.parse(fs.readFileSync(file, 'utf8'));
  } catch (error) {
    if (error.code === 'ENOENT') return undefined;
    process.stderr.write(
      'The bundle is not used (' + error.message + '). Delete packages/server/dist and run "npm run build".\n',
    );
    return undefined;
  }
}

module.exports = { findProgram };
