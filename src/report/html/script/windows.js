// The windows, from the data of the page, and how they are told. The files of this folder are one script,
// in the order in which template/document.rs names them. Text goes into the page as text, never as markup.

const DAY = 86400;
// A cell is no narrower than this, in pixels; where windows are, several share one.
const NARROW = 4;
const TIGHT = 8;
const WITH_SIGN = 15;
const PAGE = 50;
// Lengths that several windows may share a cell for, in seconds.
const STEPS = [60, 300, 900, 1800, 3600, 7200, 10800, 21600, 43200, DAY, 2 * DAY, 7 * DAY, 14 * DAY, 28 * DAY, 91 * DAY, 365 * DAY];
const MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

const by = (id) => document.getElementById(id);
const data = JSON.parse(by("data").textContent);

// Columns, each with a value for every window.
const values = (column) => {
  if (Array.isArray(column)) return column;
  const all = [];
  for (const [value, times] of column.repeat) for (let n = 0; n < times; n++) all.push(value);
  return all;
};
const column = {};
for (const name of ["flow", "length", "rerun", "status", "code", "note", "requestId", "attempt", "input", "output", "failed", "ended", "took", "manifest", "line", "key", "runId"]) {
  column[name] = values(data[name]);
}
let start = 0;
column.start = values(data.start).map((step) => (start += step));
const number = column.flow.length;
const end = (at) => column.start[at] + column.length[at];
const word = (status) => data.statuses[status][0];
const label = (status) => data.statuses[status][1];
const NEEDS_PERSON = data.statuses.findIndex(([word]) => word === "unknown");

// The first and the last window of each flow, and the longest.
const flows = data.flows.map(([name, sandbox, id]) => ({ name, key: `${sandbox}/${id}`, first: number, last: -1, longest: 0, start: Infinity, end: -Infinity }));
for (let at = 0; at < number; at++) {
  const flow = flows[column.flow[at]];
  flow.first = Math.min(flow.first, at);
  flow.last = at;
  flow.longest = Math.max(flow.longest, column.length[at]);
  flow.start = Math.min(flow.start, column.start[at]);
  flow.end = Math.max(flow.end, end(at));
}

// Text.
const pad = (n) => String(n).padStart(2, "0");
const iso = (seconds) => new Date(seconds * 1000).toISOString();
const date = (seconds) => iso(seconds).slice(0, 10);
const time = (seconds) => iso(seconds).slice(11, seconds % 60 ? 19 : 16);
const moment = (seconds) => (seconds % DAY ? `${date(seconds)} ${time(seconds)}` : date(seconds));
const count = (n) => String(n).replace(/\B(?=(\d{3})+$)/g, ",");
const span = (from, to) => {
  if (from % DAY || to % DAY) {
    if (date(from) === date(to)) return `[${date(from)} ${time(from)}, ${time(to)})`;
    return `[${date(from)} ${time(from)}, ${date(to)} ${time(to)})`;
  }
  return `[${date(from)}, ${date(to)})`;
};
const windowOf = (at) => span(column.start[at], end(at)) + (column.rerun[at] > 1 ? ` rerun ${column.rerun[at]}` : "");
const took = (s) => (s >= 3600 ? `${Math.floor(s / 3600)} h ${Math.floor(s / 60) % 60} min` : s >= 60 ? `${Math.floor(s / 60)} min ${s % 60} s` : `${s} s`);
const said = (at) => [data.texts[column.code[at]], data.texts[column.note[at]], column.requestId[at] && `(request id ${column.requestId[at]})`].filter(Boolean).join(" ");
const place = (at) => (column.manifest[at] === null ? "" : `${data.manifests[column.manifest[at]]}:${column.line[at]}`);
const recordsOf = (at) =>
  [[column.input[at], "in"], [column.output[at], "out"], [column.failed[at], "failed"]]
    .filter(([n]) => n !== null)
    .map(([n, what]) => `${count(n)} ${what}`)
    .join(", ");
const make = (tag, attributes = {}, ...children) => {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  element.append(...children);
  return element;
};
const sign = (status) => {
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  const use = document.createElementNS("http://www.w3.org/2000/svg", "use");
  svg.setAttribute("class", `sign s-${word(status)}`);
  svg.setAttribute("aria-hidden", "true");
  use.setAttribute("href", `#sign-${word(status)}`);
  svg.append(use);
  return svg;
};
