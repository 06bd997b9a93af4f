// Which windows are shown: what is asked for, and that it stands in the URL's fragment.

// What is shown.
const asked = { flow: "", status: new Set(), text: "", zoom: "", order: "", page: 0 };
let shown = [];
let isShown = new Uint8Array(number);
let texts = null;
const textOf = (at) => {
  texts ??= new Array(number);
  return (texts[at] ??= [flows[column.flow[at]].name, flows[column.flow[at]].key, windowOf(at), label(column.status[at]), column.key[at], column.runId[at], said(at), place(at)].join("\n").toLowerCase());
};
const isFiltered = () => asked.flow !== "" || asked.status.size > 0 || asked.text !== "";

// The range that is zoomed to, in seconds: [from, to), or null.
const utc = (y, m = 0, d = 1) => Date.UTC(y, m, d) / 1000;
const zoomRange = () => {
  const [y, m, d] = asked.zoom.split("-").map(Number);
  if (!asked.zoom) return null;
  if (d) return [utc(y, m - 1, d), utc(y, m - 1, d + 1)];
  if (m) return [utc(y, m - 1), utc(y, m)];
  return [utc(y), utc(y + 1)];
};
// A zoom that is a date; anything else is none.
const checkedZoom = (text) => {
  const [, y, m, d] = /^(\d{4})(?:-(\d\d)(?:-(\d\d))?)?$/.exec(text) ?? [];
  if (!y || (m && (m < 1 || m > 12)) || (d && (d < 1 || d > new Date(Date.UTC(y, m, 0)).getUTCDate()))) return "";
  return text;
};

const select = () => {
  const text = asked.text.toLowerCase();
  const range = zoomRange();
  shown = [];
  isShown.fill(0);
  for (let at = 0; at < number; at++) {
    if (asked.flow && flows[column.flow[at]].key !== asked.flow) continue;
    if (asked.status.size && !asked.status.has(word(column.status[at]))) continue;
    if (text && !textOf(at).includes(text)) continue;
    isShown[at] = 1;
    if (range && (end(at) <= range[0] || column.start[at] >= range[1])) continue;
    shown.push(at);
  }
  if (asked.order === "") {
    const rank = (at) => Math.min(column.status[at], NEEDS_PERSON);
    shown.sort((a, b) => rank(a) - rank(b) || a - b);
  }
};

// The fragment.
const write = () => {
  const parameters = new URLSearchParams();
  if (asked.flow) parameters.set("flow", asked.flow);
  if (asked.status.size) parameters.set("status", [...asked.status].join(","));
  if (asked.text) parameters.set("text", asked.text);
  if (asked.zoom) parameters.set("zoom", asked.zoom);
  if (asked.order) parameters.set("order", asked.order);
  if (asked.page) parameters.set("page", asked.page + 1);
  const fragment = parameters.toString();
  history.replaceState(null, "", fragment ? `#${fragment}` : location.pathname + location.search);
};
const read = () => {
  const parameters = new URLSearchParams(location.hash.slice(1));
  const words = data.statuses.map(([word]) => word);
  asked.flow = flows.some(({ key }) => key === parameters.get("flow")) ? parameters.get("flow") : "";
  asked.status = new Set((parameters.get("status") ?? "").split(",").filter((word) => words.includes(word)));
  asked.text = parameters.get("text") ?? "";
  asked.zoom = checkedZoom(parameters.get("zoom") ?? "");
  asked.order = parameters.get("order") === "time" ? "time" : "";
  asked.page = Math.max(0, (parseInt(parameters.get("page"), 10) || 1) - 1);
};
