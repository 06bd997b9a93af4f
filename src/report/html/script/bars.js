// The bars of the flows, which are drawn already: what is under the mouse or the arrow keys is told, and a
// click or Enter shows its windows in the table.

const tip = by("tip");
const bars = new Map();
for (const article of document.querySelectorAll(".flow")) {
  const flow = flows[article.dataset.place];
  const svg = article.querySelector(".bar");
  const parts = svg.viewBox.baseVal.width;
  bars.set(svg, { article, flow, parts, at: -1 });
  const slider = { role: "slider", tabindex: "0", "aria-label": flow.name, "aria-valuemin": 0, "aria-valuemax": parts - 1, "aria-valuenow": 0 };
  for (const [name, value] of Object.entries(slider)) svg.setAttribute(name, value);
}

// What a part of a bar stands for: a time, and the windows in it.
const partOf = ({ flow, parts }, at) => {
  const edge = (part) => flow.start + Math.ceil((part * (flow.end - flow.start)) / parts);
  const [from, to] = [edge(at), edge(at + 1)];
  const windows = [];
  for (let one = flow.first; one <= flow.last && column.start[one] < to; one++) if (end(one) > from) windows.push(one);
  return { from, to, windows };
};
const totals = (windows) => {
  const counts = new Map();
  for (const at of windows) counts.set(column.status[at], (counts.get(column.status[at]) ?? 0) + 1);
  return [...counts].sort(([a], [b]) => a - b).map(([status, n]) => [data.statuses[status], n]);
};
const factsOf = (at) => {
  const records = [[column.input[at], "in"], [column.output[at], "out"], [column.failed[at], "failed"]];
  const worked = column.took[at] === null ? "" : `, after ${took(column.took[at])}`;
  return [
    ["Window", windowOf(at)],
    ["Said", said(at) || statusOf(at).meaning],
    ["Records", records.filter(([n]) => n !== null).map(([n, what]) => `${count(n)} ${what}`).join(", ")],
    ["Ended", column.ended[at] === null ? "" : moment(column.ended[at]) + worked],
    ["Attempt", column.attempt[at] > 1 ? column.attempt[at] : ""],
    ["Run", column.runId[at]],
    ["Key", column.key[at]],
    ["Manifest", place(at)],
  ].filter(([, text]) => text);
};
const show = (svg, at) => {
  const bar = bars.get(svg);
  bar.at = at;
  const { from, to, windows } = partOf(bar, at);
  const list = make("dl");
  let title = [span(from, to), ": no window"];
  if (windows.length === 1) {
    const [one] = windows;
    title = [badge(statusOf(one)), statusOf(one).label];
    for (const [name, text] of factsOf(one)) list.append(make("dt", {}, name), make("dd", {}, text));
  } else if (windows.length) {
    title = [span(from, to)];
    for (const [status, n] of totals(windows)) list.append(make("dt", {}, badge(status)), make("dd", {}, `${count(n)} ${status.label}`));
  }
  tip.replaceChildren(make("div", { class: "title" }, ...title), list);
  if (windows.length) tip.append(make("p", { class: "aside" }, "Click or press Enter to see it in the table."));
  tip.hidden = false;
  svg.setAttribute("aria-valuenow", at);
  svg.setAttribute("aria-valuetext", [...tip.querySelectorAll(".title, dd")].map((part) => part.textContent).join(", "));
  // Below its part of the bar, or above where there is no room.
  const box = svg.getBoundingClientRect();
  const { width, height } = tip.getBoundingClientRect();
  const { clientWidth, clientHeight } = document.documentElement;
  const left = box.left + ((at + 0.5) / bar.parts) * box.width - width / 2;
  tip.style.left = `${Math.max(8, Math.min(left, clientWidth - width - 8))}px`;
  const below = box.bottom + 8;
  tip.style.top = `${below + height < clientHeight ? below : Math.max(8, box.top - height - 8)}px`;
};
const hideTip = () => (tip.hidden = true);
const partAt = (svg, x) => {
  const { left, width } = svg.getBoundingClientRect();
  const { parts } = bars.get(svg);
  return Math.max(0, Math.min(parts - 1, Math.floor(((x - left) / width) * parts)));
};
const open = (svg, at) => {
  const { from, to, windows } = partOf(bars.get(svg), at);
  if (!windows.length) return;
  ask({ ...NOTHING, flow: bars.get(svg).flow.key, from: date(from), to: date(to - 1) });
  by("windows").scrollIntoView();
};
// The next part with a window in a direction, or the part that there is.
const step = (svg, at, way) => {
  const bar = bars.get(svg);
  for (let next = at + way; next >= 0 && next < bar.parts; next += way) {
    if (partOf(bar, next).windows.length) return next;
  }
  return Math.max(0, Math.min(at, bar.parts - 1));
};
for (const [svg, bar] of bars) {
  svg.addEventListener("mousemove", (event) => show(svg, partAt(svg, event.clientX)));
  svg.addEventListener("mouseleave", hideTip);
  svg.addEventListener("focus", () => svg.matches(":focus-visible") && show(svg, Math.max(bar.at, 0)));
  svg.addEventListener("blur", hideTip);
  svg.addEventListener("click", (event) => open(svg, partAt(svg, event.clientX)));
  svg.addEventListener("keydown", (event) => {
    const steps = { ArrowRight: [bar.at, 1], ArrowUp: [bar.at, 1], ArrowLeft: [bar.at, -1], ArrowDown: [bar.at, -1], Home: [-1, 1], End: [bar.parts, -1] };
    if (event.key === "Escape") hideTip();
    else if (event.key === "Enter" || event.key === " ") open(svg, Math.max(bar.at, 0));
    else if (steps[event.key]) show(svg, step(svg, ...steps[event.key]));
    else return;
    event.preventDefault();
  });
}
document.addEventListener("scroll", hideTip, { passive: true });
