// Draws the windows of the page from its data, and shows those that are asked for. What is shown stands
// in the URL's fragment. Text goes into the page as text, never as markup.
"use strict";
(() => {
  const DAY = 86400;
  // A cell is no narrower than this, in pixels; where windows are, several share one.
  const NARROW = 4;
  const WITH_SIGN = 15;
  const PAGE = 100;
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
  for (const name of ["flow", "length", "rerun", "status", "code", "note", "attempt", "input", "output", "failed", "ended", "took", "manifest", "line", "key", "runId"]) {
    column[name] = values(data[name]);
  }
  let start = 0;
  column.start = values(data.start).map((step) => (start += step));
  const number = column.flow.length;
  const end = (at) => column.start[at] + column.length[at];
  const word = (status) => data.statuses[status][0];
  const label = (status) => data.statuses[status][1];
  const NEEDS_PERSON = data.statuses.findIndex(([word]) => word === "in-progress");

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
  const said = (at) => [data.texts[column.code[at]], data.texts[column.note[at]]].filter(Boolean).join(" ");
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
    svg.setAttribute("class", `sign is-${word(status)}`);
    svg.setAttribute("aria-hidden", "true");
    use.setAttribute("href", `#sign-${word(status)}`);
    svg.append(use);
    return svg;
  };

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
      } else rows.push({ from, to, scale: 31 * DAY, name: `${MONTHS[m - 1]} ${y}`, zoom: "", by: "day" });
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
  const axis = (row, flow) => {
    const marks = [];
    const mark = (at, text) => marks.push([(at - row.from) / row.scale, text]);
    if (row.by === "month") MONTHS.forEach((name, m) => mark(utc(Number(iso(row.from).slice(0, 4)), m), name));
    else if (row.by === "day") for (let d = 0; d < 31; d += 5) mark(row.from + d * DAY, String(d + 1));
    else if (row.by === "hour") for (let h = 0; h < 24; h += 6) mark(row.from + h * 3600, `${pad(h)}:00`);
    else if (row.by === "minute") for (let m = 0; m < 60; m += 15) mark(row.from + m * 60, `:${pad(m)}`);
    else for (let n = 0; n < 3; n++) mark(flow.start + ((flow.end - flow.start) * n) / 3, moment(Math.round(flow.start + ((flow.end - flow.start) * n) / 3 / 60) * 60).slice(0, flow.end - flow.start > 3 * DAY ? 10 : 16));
    const track = make("div", { class: "track" });
    for (const [at, text] of marks) {
      const tick = make("span", {}, text);
      tick.style.left = `${at * 100}%`;
      track.append(tick);
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
        const item = make("div", { class: `cell on-${word(status)}${pixels < 8 ? " tight" : ""}${visible.length ? "" : " dim"}`, role: "gridcell", tabindex: isFirst ? "0" : "-1", "aria-label": describe(cell) });
        item.style.left = `${((cell.from - row.from) / row.scale) * 100}%`;
        item.style.width = `${((cell.to - cell.from) / row.scale) * 100}%`;
        if (pixels >= WITH_SIGN) item.append(sign(status));
        item.cell = cell;
        isFirst = false;
        track.append(item);
      }
      if (!track.childElementCount) track.append(make("span", { role: "gridcell", "aria-label": "no window" }));
      line.append(track);
      grid.append(line);
    }
    holder.replaceChildren(axis(rows[0], flow), grid);
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

  // Details of a cell.
  const tip = by("tip");
  let tipOf = null;
  let isPinned = false;
  let leaving = 0;
  const fact = (list, name, text) => text && list.append(make("dt", {}, name), make("dd", {}, text));
  const showTip = (item, pinned = false) => {
    clearTimeout(leaving);
    if (isPinned && !pinned) return;
    if (tipOf && tipOf !== item) tipOf.removeAttribute("aria-describedby");
    tipOf = item;
    isPinned = pinned;
    const { from, to, windows } = item.cell;
    const list = make("dl");
    if (windows.length > 1) {
      tip.replaceChildren(make("div", { class: "title" }, span(from, to)), list);
      for (const [status, n] of totals(windows)) {
        const dt = make("dt", {}, sign(status));
        list.append(dt, make("dd", {}, `${count(n)} ${label(status)}`));
      }
      if (canZoom(item.cell)) tip.append(make("p", { class: "aside" }, "Click or press Enter to zoom in."));
    } else {
      const [at] = windows;
      tip.replaceChildren(make("div", { class: "title" }, sign(column.status[at]), label(column.status[at])), list);
      fact(list, "Window", windowOf(at));
      fact(list, "Code", data.texts[column.code[at]]);
      fact(list, "Said", data.texts[column.note[at]] || data.statuses[column.status[at]][2]);
      fact(list, "Records", recordsOf(at));
      fact(list, "Ended", column.ended[at] === null ? "" : `${moment(column.ended[at])}${column.took[at] === null ? "" : `, after ${took(column.took[at])}`}`);
      fact(list, "Attempt", column.attempt[at] > 1 ? String(column.attempt[at]) : "");
      fact(list, "Run", column.runId[at]);
      fact(list, "Key", column.key[at]);
      fact(list, "Manifest", place(at));
      tip.append(make("p", { class: "aside" }, isPinned ? "Escape closes this." : "Click or press Enter to keep this open."));
    }
    tip.hidden = false;
    item.setAttribute("aria-describedby", "tip");
    placeTip();
  };
  // Below its cell, or above where there is no room.
  const placeTip = () => {
    const box = tipOf.getBoundingClientRect();
    const { width, height } = tip.getBoundingClientRect();
    const view = document.documentElement;
    tip.style.left = `${Math.max(8, Math.min(box.left + box.width / 2 - width / 2, view.clientWidth - width - 8))}px`;
    const below = box.bottom + 8;
    tip.style.top = `${below + height < view.clientHeight ? below : Math.max(8, box.top - height - 8)}px`;
  };
  const hideTip = () => {
    clearTimeout(leaving);
    tipOf?.removeAttribute("aria-describedby");
    tipOf = null;
    isPinned = false;
    tip.hidden = true;
  };
  const leave = () => {
    if (isPinned) return;
    clearTimeout(leaving);
    leaving = setTimeout(hideTip, 150);
  };

  // The next zoom into a cell.
  const zoomInto = ({ from }) => iso(from).slice(0, { 0: 4, 4: 7, 7: 10 }[asked.zoom.length] ?? 10);
  const canZoom = (cell) => cell.windows.length > 1 && asked.zoom.length < 10;
  const open = (item) => {
    if (canZoom(item.cell)) ask({ zoom: zoomInto(item.cell) }, item.closest(".flow"));
    else showTip(item, true);
  };
  const onCell = (event) => event.target.closest?.(".cell");
  const flowsArea = by("flows");
  flowsArea.addEventListener("mouseover", (event) => onCell(event) && showTip(onCell(event)));
  flowsArea.addEventListener("mouseout", (event) => onCell(event) && leave());
  flowsArea.addEventListener("focusin", (event) => onCell(event) && showTip(onCell(event)));
  flowsArea.addEventListener("focusout", (event) => onCell(event) && leave());
  tip.addEventListener("mouseenter", () => clearTimeout(leaving));
  tip.addEventListener("mouseleave", leave);
  flowsArea.addEventListener("click", (event) => {
    const zoom = event.target.closest?.("[data-zoom]");
    if (zoom) ask({ zoom: zoom.dataset.zoom }, zoom.closest(".flow"));
    else if (onCell(event)) open(onCell(event));
  });
  document.addEventListener("click", (event) => {
    if (isPinned && !tip.contains(event.target) && !onCell(event)) hideTip();
  });
  document.addEventListener("keydown", (event) => event.key === "Escape" && hideTip());
  document.addEventListener("scroll", () => tipOf && placeTip(), { passive: true });
  // In a timeline, arrows go from window to window and from row to row.
  flowsArea.addEventListener("keydown", (event) => {
    const item = onCell(event);
    if (!item) return;
    if (event.key === "Enter" || event.key === " ") {
      event.preventDefault();
      open(item);
      return;
    }
    const row = [...item.parentElement.children];
    const rows = [...item.closest("[role=grid]").querySelectorAll(".row")].map((row) => [...row.querySelectorAll(".cell")]).filter((cells) => cells.length);
    const line = rows.findIndex((cells) => cells.includes(item));
    const nearest = (cells) => cells && cells.reduce((best, cell) => (Math.abs(cell.offsetLeft - item.offsetLeft) < Math.abs(best.offsetLeft - item.offsetLeft) ? cell : best));
    const next = {
      ArrowRight: () => row[row.indexOf(item) + 1] ?? rows[line + 1]?.[0],
      ArrowLeft: () => row[row.indexOf(item) - 1] ?? rows[line - 1]?.at(-1),
      ArrowDown: () => nearest(rows[line + 1]),
      ArrowUp: () => nearest(rows[line - 1]),
      Home: () => row[0],
      End: () => row.at(-1),
    }[event.key]?.();
    if (!next) return;
    event.preventDefault();
    hideTip();
    item.tabIndex = -1;
    next.tabIndex = 0;
    next.focus();
  });

  // The table.
  const HEADS = [...document.querySelectorAll("#windows th")].map((head) => head.textContent);
  const cellsOfRow = (at) => {
    const n = (value) => (value === null ? "" : String(value));
    const status = label(column.status[at]) + (column.attempt[at] > 1 ? ` (attempt ${column.attempt[at]})` : "");
    return [status, flows[column.flow[at]].name, windowOf(at), n(column.input[at]), n(column.output[at]), n(column.failed[at]), column.ended[at] === null ? "" : iso(column.ended[at]).slice(0, 19) + "Z", said(at), column.runId[at], column.key[at], place(at)];
  };
  const drawTable = () => {
    const pages = Math.max(1, Math.ceil(shown.length / PAGE));
    asked.page = Math.min(asked.page, pages - 1);
    const first = asked.page * PAGE;
    const rows = shown.slice(first, first + PAGE).map((at) => {
      const row = make("tr");
      cellsOfRow(at).forEach((text, place) => {
        const shownText = place > 2 && place < 6 && text ? count(text) : text;
        const cell = make("td", place > 2 && place < 6 ? { class: "number" } : place === 7 ? { class: "said" } : place > 7 && place < 10 ? { class: "id" } : {}, shownText);
        if (place === 0) cell.prepend(sign(column.status[at]));
        row.append(cell);
      });
      return row;
    });
    by("rows").replaceChildren(...rows);
    by("pages").textContent = shown.length ? `${count(first + 1)} to ${count(Math.min(first + PAGE, shown.length))} of ${count(shown.length)}` : "no window";
    by("before").disabled = asked.page === 0;
    by("after").disabled = asked.page === pages - 1;
  };
  // What a spreadsheet would take for a formula is text.
  const plain = (text) => (/^[=+\-@\t]/.test(text) ? `'${text}` : text);
  const copy = async () => {
    const text = [HEADS, ...shown.map(cellsOfRow)].map((row) => row.map(plain).join("\t")).join("\n");
    try {
      await navigator.clipboard.writeText(text);
    } catch {
      const area = make("textarea", { "aria-label": "copy" });
      area.value = text;
      document.body.append(area);
      area.select();
      document.execCommand("copy");
      area.remove();
      by("copy").focus();
    }
    by("said").textContent = `${count(shown.length)} rows were copied.`;
    by("copy").textContent = `Copied ${count(shown.length)} rows`;
    setTimeout(() => (by("copy").textContent = "Copy the table"), 3000);
  };

  // Controls.
  const option = (value, text) => make("option", { value }, text);
  const fill = (list, options, value) => {
    list.replaceChildren(list.options[0], ...options);
    list.value = value;
    list.disabled = !options.length;
  };
  const [firstYear, lastYear] = [Math.min(...flows.map((flow) => flow.start)), Math.max(...flows.map((flow) => flow.end - 1))].map((at) => (Number.isFinite(at) ? Number(iso(at).slice(0, 4)) : 0));
  const yearOptions = () => Array.from({ length: number ? lastYear - firstYear + 1 : 0 }, (_, n) => option(String(firstYear + n), String(firstYear + n)));
  const drawControls = () => {
    const [y, m, d] = asked.zoom.split("-");
    by("flow").value = asked.flow;
    if (by("text").value !== asked.text) by("text").value = asked.text;
    by("order").value = asked.order;
    fill(by("year"), yearOptions(), y ?? "");
    fill(by("month"), y ? MONTHS.map((name, n) => option(pad(n + 1), name)) : [], m ?? "");
    const days = m ? new Date(Date.UTC(y, m, 0)).getUTCDate() : 0;
    fill(by("day"), Array.from({ length: days }, (_, n) => option(pad(n + 1), String(n + 1))), d ?? "");
    for (const button of document.querySelectorAll("#legend button")) button.setAttribute("aria-pressed", asked.status.has(button.dataset.status));
    const isAll = !isFiltered() && !asked.zoom;
    by("clear").disabled = isAll;
    by("shown").textContent = isAll ? `${count(number)} windows` : `${count(shown.length)} of ${count(number)} windows`;
  };
  const drawProblems = () => {
    const text = asked.text.toLowerCase();
    let any = false;
    for (const problem of document.querySelectorAll("#attention .problem")) {
      const lines = [...problem.querySelectorAll(".where")];
      for (const line of lines) line.hidden = asked.flow !== "" && line.dataset.flow !== asked.flow;
      problem.hidden = (asked.status.size > 0 && !asked.status.has(problem.dataset.status)) || lines.every((line) => line.hidden) || (text !== "" && !problem.textContent.toLowerCase().includes(text));
      any ||= !problem.hidden;
    }
    if (by("attention")) by("attention").hidden = !any;
  };
  const redraw = () => {
    hideTip();
    select();
    drawControls();
    drawProblems();
    drawTable();
    const has = new Set();
    for (let at = 0; at < number; at++) if (isShown[at]) has.add(column.flow[at]);
    for (const article of articles) {
      article.hidden = isFiltered() && !has.has(Number(article.dataset.place));
      stale.add(article);
    }
    drawNear();
  };
  // Changes what is asked for; `keep` stays where it is on the screen.
  const ask = (change, keep) => {
    const before = keep?.getBoundingClientRect().top;
    Object.assign(asked, { page: 0 }, change);
    write();
    redraw();
    if (!keep) return;
    if (stale.delete(keep)) draw(keep);
    scrollBy(0, keep.getBoundingClientRect().top - before);
    keep.querySelector(".cell[tabindex='0']")?.focus({ preventScroll: true });
  };

  by("flow").append(...flows.map(({ name, key }) => option(key, flows.some((other) => other.name === name && other.key !== key) ? `${name} (${key})` : name)));
  for (const item of document.querySelectorAll("#legend li")) {
    const button = make("button", { type: "button", "aria-pressed": "false", "data-status": item.dataset.status, title: item.title });
    button.append(...item.childNodes);
    item.removeAttribute("title");
    item.classList.add("has-button");
    item.append(button);
    button.addEventListener("click", () => {
      const status = new Set(asked.status);
      if (!status.delete(item.dataset.status)) status.add(item.dataset.status);
      ask({ status });
    });
  }
  by("flow").addEventListener("change", (event) => ask({ flow: event.target.value }));
  let typing = 0;
  by("text").addEventListener("input", (event) => {
    clearTimeout(typing);
    typing = setTimeout(() => ask({ text: event.target.value.trim() }), 120);
  });
  by("filters").addEventListener("submit", (event) => event.preventDefault());
  by("year").addEventListener("change", (event) => ask({ zoom: event.target.value }));
  by("month").addEventListener("change", (event) => ask({ zoom: [by("year").value, event.target.value].filter(Boolean).join("-") }));
  by("day").addEventListener("change", (event) => ask({ zoom: [by("year").value, by("month").value, event.target.value].filter(Boolean).join("-") }));
  by("order").addEventListener("change", (event) => ask({ order: event.target.value }));
  by("clear").addEventListener("click", () => ask({ flow: "", status: new Set(), text: "", zoom: "" }));
  by("copy").addEventListener("click", copy);
  const turn = (pages) => {
    asked.page += pages;
    write();
    drawTable();
  };
  by("before").addEventListener("click", () => turn(-1));
  by("after").addEventListener("click", () => turn(1));
  addEventListener("hashchange", () => {
    read();
    redraw();
  });
  let width = document.documentElement.clientWidth;
  addEventListener("resize", () => {
    if (width === document.documentElement.clientWidth) return;
    width = document.documentElement.clientWidth;
    for (const article of articles) stale.add(article);
    drawNear();
  });

  for (const hidden of document.querySelectorAll("#filters, .tools, .scroll")) hidden.hidden = false;
  read();
  redraw();
  for (const article of articles) watcher.observe(article);
})();
