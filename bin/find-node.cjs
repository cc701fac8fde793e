'use strict';

// Plain CommonJS without newer syntax: these files must parse on every Node a user may have, so that the refusal is a sentence.

const fs = require('fs');
const path = require('path');

const requiredMajor = 24;

/** Exit code EX_CONFIG of sysexits(3): the machine, not the program, has to change. */
const exitBadConfiguration = 78;

const root = path.join(__dirname, '..');

/** @returns {boolean} whether the Node that runs this file can run Latchkey. */
function isNodeRecentEnough() {
  return Number(process.versions.node.split('.')[0]) >= requiredMajor;
}

/**
 * The Node that an optional dependency brought for this platform.
 * Looked for by path: both node-linux packages claim the bin name `node`, and npm 10 then links neither.
 *
 * @returns {string | undefined} its absolute path.
 */
function findBundledNode() {
  const candidate = path.join(root, 'node_modules', 'node-' + process.platform + '-' + process.arch, 'bin', 'node');
  return fs.existsSync(candidate) ? candidate : undefined;
}

/** Says in one sentence that no usable Node was found, and ends the process. */
function refuse(reason) {
  process.stderr.write(
    'Latchkey needs Node.js ' +
      requiredMajor +
      ' or newer, ' +
      reason +
      ': install the version that .nvmrc names, or run "npm ci" with optional dependencies on Linux x64 or arm64.\n',
  );
  process.exit(exitBadConfiguration);
}

module.exports = { findBundledNode, isNodeRecentEnough, refuse, root };
