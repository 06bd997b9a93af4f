// Makes the pages that the checks open: the real program against its emulator, half way through two
// years of days of three flows, with runs of every kind; and a page of 50,000 windows.
import { execFileSync, spawn } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";

const FLOWS = [
  ["crm-accounts", "3abea21c-7e36-4be1-bec1-d3bad0e3e0de", "source: table\ndeltaColumn: { name: updatedAt }"],
  ["loyalty-events", "5c1e0b52-90a4-4d0b-8f3d-2f3a7c8b1d10", "source: file"],
  ["web-orders", "8d7f6f0e-3a55-4f0a-9a9e-6a1f0f6f2c21", "source: table\ndeltaColumn: { name: order_ts }"],
];
const SOURCE = { manifest: "2023-01-01", end: "2025-01-01" };
// What is markup elsewhere is text on the page.
export const HOSTILE = "</script><img src=x onerror=alert(1)>";

// Runs the program in a folder; its exit code must be one of those that are expected.
function runner(binary, folder, environment) {
  return (line, codes = [0]) => {
    const given = { cwd: folder, env: { PATH: process.env.PATH, HOME: folder, ...environment }, stdio: ["ignore", "pipe", "pipe"], maxBuffer: 1 << 28 };
    try {
      const out = execFileSync(binary, line.split(" "), given);
      if (!codes.includes(0)) throw Object.assign(new Error("it exited with 0"), { status: 0, stdout: out, stderr: "" });
    } catch (error) {
      if (codes.includes(error.status) && error.status !== 0) return;
      throw new Error(`backfill ${line}: exit ${error.status}, expected ${codes}\n${error.stdout}\n${error.stderr}`);
    }
  };
}

// Starts `backfill emulator` over the folder's manifests; gives its URL and what ends it.
async function emulator(binary, folder, name, scenario) {
  writeFileSync(join(folder, name), scenario);
  const flags = ["emulator", "--listen", "127.0.0.1:0", "--flows", "manifests", "--scenario", name, "--data", "runs.jsonl"];
  const server = spawn(binary, flags, { cwd: folder, env: { PATH: process.env.PATH }, stdio: ["ignore", "pipe", "inherit"] });
  const [first] = await new Promise((resolve, reject) => {
    createInterface({ input: server.stdout }).once("line", (line) => resolve([line]));
    server.once("exit", (code) => reject(new Error(`the emulator exited with ${code}`)));
  });
  const ended = new Promise((resolve) => server.once("exit", resolve));
  return { url: first.trim().split(" ").at(-1), stop: () => (server.kill(), ended) };
}

function manifest(folder, [name, id, source], more = "") {
  writeFileSync(
    join(folder, "manifests", `${name}.yaml`),
    `version: 1\nflowId: ${id}\nname: ${name}\nsandbox: prod\n${source}\nreason: Restate two years after the CRM migration\n` +
      `ranges:\n  - { from: ${SOURCE.manifest}, to: ${SOURCE.end}, every: 1 day }\n${more}`,
  );
}

const config = (limits) => `version: 1\norganization: 5C13@AdobeOrg\nsandbox: prod\nsettleDelay: 1 second\nlimits: { rate: unlimited, ${limits} }\n`;

// The pages of the story, by name, in a folder that `done` removes.
export async function story(binary) {
  const folder = mkdtempSync(join(tmpdir(), "backfill-page-"));
  mkdirSync(join(folder, "manifests"));
  for (const flow of FLOWS) manifest(folder, flow);
  writeFileSync(join(folder, "backfill.yaml"), config("newRunsPerApply: 5000"));
  const signIn = (url) => ({ AEP_ENDPOINT: url, AEP_ACCESS_TOKEN: "any", AEP_API_KEY: "our-key", AEP_ORG_ID: "5C13@AdobeOrg" });

  // What was sent first has ended.
  const outcomes = "scheduledFor: 0\nrunsFor: 0.6\noutcomes: { success: 930, successWithErrors: 14, noRecords: 18, failed: 12 }\n";
  const first = await emulator(binary, folder, "first.yaml", `${outcomes}faults: [{ on: createRun, calls: [200, 201, 420], do: { status: { code: 400 } } }]\n`);
  runner(binary, folder, signIn(first.url))("apply --yes --wait --limit 1100", [5]);
  await first.stop();

  // Then some are at work, and an answer was lost that the lists do not tell.
  const second = await emulator(
    binary,
    folder,
    "second.yaml",
    `clockSkew: 600\n${outcomes.replace("0.6", "300")}paramsInLists: false\nparamsInRuns: false\ncopyWindows: false\nfaults: [{ on: createRun, calls: [14], do: { reset: after } }]\n`,
  );
  const run = runner(binary, folder, signIn(second.url));
  run("apply --yes --no-preflight --limit 24 --html apply.html", [5, 6]);
  writeFileSync(join(folder, "backfill.yaml"), config("newRunsPerApply: 500, newRunsPerDay: 90"));
  run("plan --html plan.html");
  run("status --html status.html", [6]);
  await second.stop();

  // A name that would be markup, and a manifest that is wrong.
  const path = join(folder, "manifests", "hostile.yaml");
  const offline = runner(binary, folder, { AEP_ORG_ID: "5C13@AdobeOrg" });
  writeFileSync(path, `version: 1\nflowId: 00000000-0000-4000-8000-00000000000a\nname: "${HOSTILE}"\nsandbox: prod\nsource: file\nruns: [{ windowStartTime: 1650000000, windowEndTime: 1650000900 }]\n`);
  offline("plan --html hostile.html");
  writeFileSync(path, `version: 1\nflowId: "${HOSTILE}"\n`);
  offline("plan --html failure.html", [3]);
  rmSync(path);

  const page = (name) => join(folder, `${name}.html`);
  return { plan: page("plan"), apply: page("apply"), status: page("status"), hostile: page("hostile"), failure: page("failure"), done: () => rmSync(folder, { recursive: true }) };
}

// A page of `windows` windows of hours, nearly all of them with all that can be known of a run.
export function large(binary, windows) {
  const folder = mkdtempSync(join(tmpdir(), "backfill-page-"));
  const inputs = fileURLToPath(new URL("../bench/inputs.py", import.meta.url));
  execFileSync("python3", [inputs, folder, String(windows), "--flows", "20", "--unknown", String(windows / 10), "--ended"]);
  runner(binary, folder, {})("plan --html large.html");
  return { page: join(folder, "large.html"), done: () => rmSync(folder, { recursive: true }) };
}
