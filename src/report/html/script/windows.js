// The windows, from the data of the page, and how they are told. The files of this folder are one script,
// in the order in which document.rs names them. Text goes into the page as text, never as markup.

const DAY = 86400;
const by = (id) => document.getElementById(id);
const data = JSON.parse(by("data").textContent);

// Columns, each with a value for every window.
const values = (column) => {
  if (Array.isArray(column)) return column;
  return column.repeat.flatMap(([value, times]) => new Array(times).fill(value));
};
const column = {};
for (const name in data.columns) column[name] = values(data.columns[name]);
let start = 0;
column.start = column.start.map((step) => (start += step));
const number = column.flow.length;
const end = (at) => column.start[at] + column.length[at];
const statusOf = (at) => data.statuses[column.status[at]];

// The first and the last window of each flow, and its time.
const flows = data.flows.map(([name, sandbox, id]) => (
  { name, key: `${sandbox}/${id}`, first: number, last: -1, start: Infinity, end: -Infinity }
));
for (let at = 0; at < number; at++) {
  const flow = flows[column.flow[at]];
  flow.first = Math.min(flow.first, at);
  flow.last = at;
  flow.start = Math.min(flow.start, column.start[at]);
  flow.end = Math.max(flow.end, end(at));
}

// Text.
const iso = (seconds) => new Date(seconds * 1000).toISOString();
const date = (seconds) => iso(seconds).slice(0, 10);
const time = (seconds) => iso(seconds).slice(11, seconds % 60 ? 19 : 16);
const moment = (seconds) => (seconds % DAY ? `${date(seconds)} ${time(seconds)}` : date(seconds));
const count = (n) => String(n).replace(/\B(?=(\d{3})+$)/g, ",");
const span = (from, to) => {
  if (from % DAY === 0 && to % DAY === 0) return `[${date(from)}, ${date(to)})`;
  const until = date(from) === date(to) ? time(to) : `${date(to)} ${time(to)}`;
  return `[${date(from)} ${time(from)}, ${until})`;
};
const windowOf = (at) => {
  const rerun = column.rerun[at] > 1 ? ` rerun ${column.rerun[at]}` : "";
  return span(column.start[at], end(at)) + rerun;
};
const took = (s) => {
  if (s >= 3600) return `${Math.floor(s / 3600)} h ${Math.floor(s / 60) % 60} min`;
  return s >= 60 ? `${Math.floor(s / 60)} min ${s % 60} s` : `${s} s`;
};
const said = (at) => {
  const request = column.requestId[at] && `(request id ${column.requestId[at]})`;
  return [data.texts[column.code[at]], data.texts[column.note[at]], request].filter(Boolean).join(" ");
};
const place = (at) => {
  const manifest = column.manifest[at];
  return manifest === null ? "" : `${data.manifests[manifest]}:${column.line[at]}`;
};
const make = (tag, attributes = {}, ...children) => {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  element.append(...children);
  return element;
};
const badge = ({ word, mark }) => make("span", { class: `badge s-${word}`, "aria-hidden": "true" }, mark);
