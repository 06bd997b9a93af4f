#!/usr/bin/env node
// What an editor offers in a manifest, asked of the real yaml-language-server over its protocol.
//
//     node tests/editor/completion.mjs
//
// Needs Node 18 and npm. The server goes into target/editor on the first run (from the npm
// registry) and stays there. The manifest is one of a scratch folder with a copy of
// manifests/schema.json, named by the modeline alone: no setting of an editor helps. Prints what
// came back; fails if something that a user needs is missing.

import { execFileSync, spawn } from "node:child_process";
import { copyFileSync, existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";

const VERSION = "1.18.0";
const root = join(dirname(fileURLToPath(import.meta.url)), "..", "..");
const tools = join(root, "target", "editor");
const program = join(tools, "node_modules", ".bin", "yaml-language-server");

if (!existsSync(program)) {
  mkdirSync(tools, { recursive: true });
  const wanted = `yaml-language-server@${VERSION}`;
  execFileSync("npm", ["install", "--no-audit", "--no-fund", "--prefix", tools, wanted], {
    stdio: "inherit",
  });
}

// --- the protocol: JSON-RPC in frames with a length ---

const server = spawn(process.execPath, [program, "--stdio"], { stdio: ["pipe", "pipe", "inherit"] });
const waiting = new Map(); // request id, or URI whose diagnostics are waited for → what takes them
let nextId = 1;
let received = Buffer.alloc(0);

function send(message) {
  const body = Buffer.from(JSON.stringify({ jsonrpc: "2.0", ...message }));
  server.stdin.write(`Content-Length: ${body.length}\r\n\r\n`);
  server.stdin.write(body);
}

function wait(key, what) {
  return new Promise((resolve, reject) => {
    const late = setTimeout(() => reject(new Error(`no answer: ${what}`)), 30_000);
    waiting.set(key, (value) => {
      clearTimeout(late);
      resolve(value);
    });
  });
}

function request(method, params) {
  const id = nextId++;
  send({ id, method, params });
  return wait(id, method);
}

function take(message) {
  if (message.id !== undefined && message.method === undefined) {
    if (message.error) throw new Error(JSON.stringify(message.error));
    waiting.get(message.id)?.(message.result);
  } else if (message.id !== undefined) {
    // The server asks for settings; there are none but the defaults.
    const none = message.method === "workspace/configuration" ? message.params.items.map(() => null) : null;
    send({ id: message.id, result: none });
  } else if (message.method === "textDocument/publishDiagnostics") {
    waiting.get(message.params.uri)?.(message.params.diagnostics);
  }
}

server.stdout.on("data", (chunk) => {
  received = Buffer.concat([received, chunk]);
  for (;;) {
    const end = received.indexOf("\r\n\r\n");
    if (end < 0) return;
    const length = Number(/Content-Length: (\d+)/i.exec(received.subarray(0, end).toString())[1]);
    if (received.length < end + 4 + length) return;
    const body = received.subarray(end + 4, end + 4 + length).toString();
    received = received.subarray(end + 4 + length);
    take(JSON.parse(body));
  }
});

// --- manifests, with the cursor at | ---

const scratch = mkdtempSync(join(tmpdir(), "backfill-editor-"));
copyFileSync(join(root, "manifests", "schema.json"), join(scratch, "schema.json"));
const MODELINE = "# yaml-language-server: $schema=./schema.json\n";
let manifests = 0;

async function open(marked) {
  const whole = MODELINE + marked;
  const at = whole.indexOf("|");
  const before = whole.slice(0, at < 0 ? 0 : at);
  const text = at < 0 ? whole : before + whole.slice(at + 1);
  const file = join(scratch, `manifest-${++manifests}.yaml`);
  writeFileSync(file, text);
  const uri = pathToFileURL(file).href;
  const diagnosed = wait(uri, "diagnostics");
  send({
    method: "textDocument/didOpen",
    params: { textDocument: { uri, languageId: "yaml", version: 1, text } },
  });
  const position = {
    line: before.split("\n").length - 1,
    character: before.length - (before.lastIndexOf("\n") + 1),
  };
  return { at: { textDocument: { uri }, position }, diagnosed };
}

let failures = 0;

function demand(what, holds) {
  console.log(`  ${holds ? "ok  " : "FAIL"} ${what}`);
  if (!holds) failures += 1;
}

async function completes(where, marked, wanted, unwanted = []) {
  console.log(`\n${where}`);
  const { at } = await open(marked);
  const answer = await request("textDocument/completion", at);
  const items = answer.items ?? answer;
  for (const item of items) {
    const text = item.documentation?.value ?? item.documentation ?? "";
    const first = text.split("\n")[0];
    console.log(`       ${item.label.padEnd(16)} ${first.length > 76 ? `${first.slice(0, 75)}…` : first}`);
  }
  const labels = items.map((item) => item.label);
  for (const label of wanted) demand(`offers ${label}`, labels.includes(label));
  for (const label of unwanted) demand(`does not offer ${label}`, !labels.includes(label));
}

async function hovers(where, marked, wanted) {
  console.log(`\n${where}`);
  const { at } = await open(marked);
  const answer = await request("textDocument/hover", at);
  const text = answer?.contents?.value ?? "";
  console.log(text.trimEnd().replace(/^/gm, "       "));
  for (const part of wanted) demand(`says ${JSON.stringify(part)}`, text.includes(part));
}

async function diagnoses(where, marked, wanted) {
  console.log(`\n${where}`);
  const { diagnosed } = await open(marked);
  const found = await diagnosed;
  // The modeline is line 1.
  const lines = found.map((one) => `${one.range.start.line + 1}:${one.range.start.character + 1} ${one.message}`);
  for (const line of lines) console.log(`       ${line}`);
  for (const part of wanted) demand(`reports ${part}`, lines.some((line) => new RegExp(part).test(line)));
  if (wanted.length === 0) demand("reports nothing", lines.length === 0);
}

const HEAD = `version: 1
flowId: 3abea21c-7e36-4be1-bec1-d3bad0e3e0de
sandbox: prod
`;
const GOOD = `${HEAD}source: table
deltaColumn: { name: updatedAt }
ranges:
  - from: 2022-01-01
    to: 2022-07-01
    every: 1 day
    timezone: Europe/Madrid
    except: [2022-03-01]
`;

const LIST = `version: 1
flows:
  - flowId: 3abea21c-7e36-4be1-bec1-d3bad0e3e0de
  - flowId: 5f9c5c5e-5b0a-4f53-8e63-8f7bd1a3a7c4
    source: file
sandbox: prod
source: table
deltaColumn: { name: updatedAt }
ranges:
  - from: 2022-01-01
    to: 2022-07-01
    every: 1 day
`;

try {
  await request("initialize", {
    processId: process.pid,
    rootUri: pathToFileURL(scratch).href,
    capabilities: {
      textDocument: {
        completion: { completionItem: { snippetSupport: true, documentationFormat: ["markdown"] } },
        hover: { contentFormat: ["markdown"] },
        publishDiagnostics: {},
      },
      workspace: { configuration: true },
    },
    workspaceFolders: [{ uri: pathToFileURL(scratch).href, name: "scratch" }],
  });
  send({ method: "initialized", params: {} });
  send({
    method: "workspace/didChangeConfiguration",
    params: { settings: { yaml: { validate: true, completion: true, hover: true, schemaStore: { enable: false } } } },
  });

  await completes(
    "Completion at the top, in an empty manifest",
    "|",
    ["version", "flowId", "flows", "source", "ranges", "runs"],
  );
  await completes(
    "Completion at the top, below some fields",
    `${HEAD}|\n`,
    ["source", "deltaColumn", "reason", "runs", "ranges", "name", "overlap", "allowFuture"],
    ["flowId", "every"],
  );
  await completes(
    "Completion at the top, below a list of flows",
    `version: 1\nflows:\n  - flowId: 3abea21c-7e36-4be1-bec1-d3bad0e3e0de\n|\n`,
    ["source", "deltaColumn", "sandbox", "runs", "ranges"],
    ["flows", "every"],
  );
  await completes(
    "Completion in an entry of flows",
    `version: 1\nflows:\n  - flowId: 3abea21c-7e36-4be1-bec1-d3bad0e3e0de\n    |\nsource: file\n`,
    ["name", "source", "deltaColumn"],
    ["flowId", "sandbox", "runs"],
  );
  await completes(
    "Completion of the value of source in an entry of flows",
    `version: 1\nflows:\n  - flowId: 3abea21c-7e36-4be1-bec1-d3bad0e3e0de\n    source: |\n`,
    ["table", "file"],
  );
  await completes(
    "Completion in an entry of ranges",
    `${HEAD}source: file\nranges:\n  - from: 2022-01-01\n    |\n`,
    ["to", "every", "timezone", "except", "rerun", "startTime"],
    ["windowStartTime", "flowId"],
  );
  await completes(
    "Completion in an entry of runs",
    `${HEAD}source: file\nruns:\n  - |\n`,
    ["windowStartTime", "windowEndTime", "rerun"],
    ["every"],
  );
  await completes("Completion of the value of source", `${HEAD}source: |\n`, ["table", "file"]);
  await completes("Completion of the value of every", `${GOOD}  - every: |\n`, ["1 day", "6 hours"]);
  await hovers("Hover on every", GOOD.replace("every", "ev|ery"), ["15 minutes", "23 or 25 hours"]);
  await hovers("Hover on flowId", GOOD.replace("flowId", "fl|owId"), ["UUID", "once"]);
  await diagnoses("Diagnostics of a good manifest", GOOD, []);
  await diagnoses("Diagnostics of a good list", LIST, []);
  await diagnoses(
    "Diagnostics of slips in a list",
    LIST.replace("    source: file\n", "    source: fil\n    sandbox: dev\n").replace(
      "sandbox: prod\n",
      "sandbox: prod\nname: crm\n",
    ),
    ["^6:13 Value is not accepted", "^7:5 Property sandbox is not allowed", "^9:1 Property name is not allowed"],
  );
  await diagnoses(
    "Diagnostics of slips",
    `version: 1
flowid: 3abea21c-7e36-4be1-bec1-d3bad0e3e0de
source: table
ranges:
  - from: 2022-1-1
    to: 16515859567
    every: daily
`,
    [
      "^3:1 Property flowid is not allowed",
      'Missing property "flowId"',
      'Missing property "deltaColumn"',
      "^6:11 A time is",
      "^7:9 .*7258118399",
      "^8:12 A length of time is",
    ],
  );
} catch (error) {
  console.error(error);
  failures += 1;
} finally {
  server.kill();
  rmSync(scratch, { recursive: true, force: true });
}
console.log(failures === 0 ? "\nAll that was wanted is there." : `\n${failures} failed.`);
process.exitCode = failures === 0 ? 0 : 1;
