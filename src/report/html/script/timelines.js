// The timelines: rows of cells, a cell for each window, or for several where they are narrow.

// Timelines.
const years = (flow) => {
  const rows = [];
  const [first, last] = [Number(iso(flow.start).slice(0, 4)), Number(iso(flow.end - 1).slice(0, 4))];
  for (let y = first; y <= last; y++) rows.push({ from: utc(y), to: utc(y + 1), scale: 366 * DAY, name: String(y), zoom: String(y), by: "month" });
  return rows;
};
const shortest = (flow, from, to) => {
  let least = Infinity;
  for (let at = flow.first; at <= flow.last; at++) if (end(at) > from && column.start[at] < to) least = Math.min(least, column.length[at]);
  return least;
};
// The rows of a flow: whole, or by year; a year by month; a month by day, if its windows are so short.
const rowsOf = (flow) => {
  const range = zoomRange();
  if (!range) {
    if (flow.end - flow.start > 370 * DAY) return years(flow);
    return [{ from: flow.start, to: flow.end, scale: flow.end - flow.start, name: "", zoom: "", by: "span" }];
  }
  const [from, to] = range;
  if (flow.end <= from || flow.start >= to) return [];
  const [y, m, d] = asked.zoom.split("-").map(Number);
  const rows = [];
  if (d) {
    if (shortest(flow, from, to) < 3600) {
      for (let h = 0; h < 24; h++) rows.push({ from: from + h * 3600, to: from + (h + 1) * 3600, scale: 3600, name: `${pad(h)}:00`, zoom: "", by: "minute" });
    } else rows.push({ from, to, scale: DAY, name: `${d} ${MONTHS[m - 1]}`, zoom: "", by: "hour" });
  } else if (m) {
    if (shortest(flow, from, to) < DAY) {
      for (let day = from, n = 1; day < to; day += DAY, n++) rows.push({ from: day, to: day + DAY, scale: DAY, name: `${n} ${MONTHS[m - 1]}`, zoom: `${asked.zoom}-${pad(n)}`, by: "hour" });
    } else rows.push({ from, to, scale: 31 * DAY, name: MONTHS[m - 1], zoom: "", by: "day" });
  } else {
    for (let month = 0; month < 12; month++) rows.push({ from: utc(y, month), to: utc(y, month + 1), scale: 31 * DAY, name: MONTHS[month], zoom: `${y}-${pad(month + 1)}`, by: "day" });
  }
  return rows.filter((row) => row.to > flow.start && row.from < flow.end);
};
// The first window of a flow that ends after `from`, or some before it.
const firstFrom = (flow, from) => {
  let [low, high] = [flow.first, flow.last + 1];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (column.start[middle] < from - flow.longest) low = middle + 1;
    else high = middle;
  }
  return low;
};
const cellsOf = (flow, row, width) => {
  const windows = [];
  for (let at = firstFrom(flow, row.from); at <= flow.last && column.start[at] < row.to; at++) if (end(at) > row.from) windows.push(at);
  const pixels = width / row.scale;
  const isNarrow = windows.some((at) => column.length[at] * pixels < NARROW);
  if (!isNarrow) return windows.map((at) => ({ from: Math.max(column.start[at], row.from), to: Math.min(end(at), row.to), windows: [at] }));
  const step = STEPS.find((step) => step * pixels >= NARROW) ?? row.scale;
  const cells = new Map();
  for (const at of windows) {
    const last = Math.floor((Math.min(end(at), row.to) - 1 - row.from) / step);
    for (let n = Math.max(0, Math.floor((column.start[at] - row.from) / step)); n <= last; n++) {
      if (!cells.has(n)) cells.set(n, { from: row.from + n * step, to: Math.min(row.from + (n + 1) * step, row.to), windows: [] });
      cells.get(n).windows.push(at);
    }
  }
  return [...cells.values()].sort((a, b) => a.from - b.from);
};
const worst = (windows) => windows.reduce((least, at) => Math.min(least, column.status[at]), Infinity);
const totals = (windows) => {
  const counts = new Map();
  for (const at of windows) counts.set(column.status[at], (counts.get(column.status[at]) ?? 0) + 1);
  return [...counts].sort(([a], [b]) => a - b);
};
const describe = ({ from, to, windows }) => {
  if (windows.length > 1) return `${span(from, to)}: ${totals(windows).map(([status, n]) => `${count(n)} ${label(status)}`).join(", ")}`;
  const [at] = windows;
  return [`${windowOf(at)}: ${label(column.status[at])}`, said(at)].filter(Boolean).join(". ");
};
// The labels over a timeline, no more than there is room for.
const marksOf = (row) => {
  const { from, to } = row;
  if (row.by === "month") return MONTHS.map((name, m) => [utc(Number(iso(from).slice(0, 4)), m), name]);
  if (row.by === "day") return [1, 6, 11, 16, 21, 26, 31].map((d) => [from + (d - 1) * DAY, String(d)]);
  if (row.by === "hour") return [0, 3, 6, 9, 12, 15, 18, 21].map((h) => [from + h * 3600, `${pad(h)}:00`]);
  if (row.by === "minute") return [0, 15, 30, 45].map((m) => [from + m * 60, `:${pad(m)}`]);
  const unit = to - from > 6 * DAY ? DAY : 60;
  return [0, 1, 2, 3].map((n) => Math.ceil((from + ((to - from) * n) / 4) / unit) * unit).map((at) => [at, moment(at)]);
};
const axis = (row, width) => {
  const marks = marksOf(row);
  const room = 12 + 7 * Math.max(...marks.map(([, text]) => text.length));
  const every = Math.ceil((marks.length * room) / width);
  const track = make("div", { class: "track" });
  for (const [at, text] of marks.filter((_, n) => n % every === 0)) {
    const mark = make("span", {}, text);
    mark.style.left = `${((at - row.from) / row.scale) * 100}%`;
    track.append(mark);
  }
  const line = make("div", { class: "row axis", "aria-hidden": "true" });
  if (row.name) line.append(make("div", { class: "head" }));
  line.append(track);
  return line;
};
const draw = (article) => {
  const flow = flows[Number(article.dataset.place)];
  const holder = article.querySelector(".timeline");
  const rows = rowsOf(flow);
  if (!rows.length) {
    holder.replaceChildren(make("p", { class: "aside" }, "No window of this flow is in this time."));
    return;
  }
  const head = rows[0].name ? 64 : 0;
  const width = Math.max(120, holder.clientWidth - head);
  const grid = make("div", { role: "grid", "aria-label": `${flow.name}, ${asked.zoom || "all its time"}` });
  let isFirst = true;
  for (const row of rows) {
    const line = make("div", { class: "row", role: "row" });
    if (row.name) {
      const title = make("div", { class: "head", role: "rowheader" });
      if (row.zoom) title.append(make("button", { type: "button", tabindex: "-1", "data-zoom": row.zoom, title: `Zoom to ${row.zoom}` }, row.name));
      else title.append(row.name);
      line.append(title);
    }
    const track = make("div", { class: "track", role: "presentation" });
    for (const cell of cellsOf(flow, row, width)) {
      const visible = isFiltered() ? cell.windows.filter((at) => isShown[at]) : cell.windows;
      const status = worst(visible.length ? visible : cell.windows);
      const pixels = ((cell.to - cell.from) / row.scale) * width;
      const item = make("div", { class: `cell s-${word(status)}${pixels < TIGHT ? " tight" : ""}${visible.length ? "" : " dim"}`, role: "gridcell", tabindex: isFirst ? "0" : "-1", "aria-label": describe(cell) });
      item.style.left = `${((cell.from - row.from) / row.scale) * 100}%`;
      // A little wider where cells touch, so that no seam is seen.
      item.style.width = `calc(${((cell.to - cell.from) / row.scale) * 100}% + ${pixels < TIGHT ? 0.6 : 0}px)`;
      if (pixels >= WITH_SIGN) item.append(sign(status));
      item.cell = cell;
      isFirst = false;
      track.append(item);
    }
    if (!track.childElementCount) track.append(make("span", { role: "gridcell", "aria-label": "no window" }));
    line.append(track);
    grid.append(line);
  }
  holder.replaceChildren(axis(rows[0], width), grid);
};
// Only those that are seen are drawn, and drawn anew when what is asked for changes.
const articles = [...document.querySelectorAll(".flow")];
const stale = new Set(articles);
const near = new Set();
const drawNear = () => {
  for (const article of near) if (stale.delete(article) && !article.hidden) draw(article);
};
const watcher = new IntersectionObserver((entries) => {
  for (const { target, isIntersecting } of entries) {
    if (isIntersecting) near.add(target);
    else near.delete(target);
  }
  drawNear();
}, { rootMargin: "400px" });
