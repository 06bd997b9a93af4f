// Which windows are shown: what is asked for, and that it stands in the URL's fragment.

const asked = { flow: "", status: new Set(), text: "", from: "", to: "", order: "", page: 0 };
const NOTHING = { flow: "", status: new Set(), text: "", from: "", to: "" };
let shown = [];
const texts = new Array(number);
const textOf = (at) => {
  const flow = flows[column.flow[at]];
  const parts = [flow.name, flow.key, windowOf(at), statusOf(at).label, column.key[at], column.runId[at], said(at), place(at)];
  return (texts[at] ??= parts.join("\n").toLowerCase());
};
const isFiltered = () => Boolean(asked.flow || asked.status.size || asked.text || asked.from || asked.to);
const seconds = (text) => Date.parse(text) / 1000;

const select = () => {
  const text = asked.text.toLowerCase();
  const from = asked.from ? seconds(asked.from) : -Infinity;
  const to = asked.to ? seconds(asked.to) + DAY : Infinity;
  const isShown = (at) =>
    (!asked.flow || flows[column.flow[at]].key === asked.flow) &&
    (!asked.status.size || asked.status.has(statusOf(at).word)) &&
    end(at) > from &&
    column.start[at] < to &&
    (!text || textOf(at).includes(text));
  shown = [];
  for (let at = 0; at < number; at++) if (isShown(at)) shown.push(at);
  if (asked.order !== "") return;
  const rank = (at) => (statusOf(at).needsAttention ? column.status[at] : Infinity);
  shown.sort((a, b) => (rank(a) === rank(b) ? a - b : rank(a) - rank(b)));
};

// The fragment.
const write = () => {
  const { status, page, ...plain } = asked;
  const words = { flow: asked.flow, status: [...status].join(","), ...plain, page: page ? page + 1 : "" };
  const parameters = new URLSearchParams(Object.entries(words).filter(([, word]) => word));
  const fragment = parameters.toString();
  history.replaceState(null, "", fragment ? `#${fragment}` : location.pathname + location.search);
};
// What is nonsense is not asked for.
const read = () => {
  const parameters = new URLSearchParams(location.hash.slice(1));
  const checked = (name, isRight) => {
    const text = parameters.get(name) ?? "";
    return isRight(text) ? text : "";
  };
  const isDate = (text) => /^\d{4}-\d\d-\d\d$/.test(text) && !Number.isNaN(seconds(text));
  const isStatus = (text) => data.statuses.some(({ word }) => word === text);
  asked.flow = checked("flow", (text) => flows.some(({ key }) => key === text));
  asked.status = new Set(checked("status", () => true).split(",").filter(isStatus));
  asked.text = checked("text", () => true);
  asked.from = checked("from", isDate);
  asked.to = checked("to", isDate);
  asked.order = checked("order", (text) => text === "time");
  asked.page = Math.max(1, parseInt(checked("page", () => true), 10) || 1) - 1;
};
