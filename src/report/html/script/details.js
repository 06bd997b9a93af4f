// What is known of a cell, by mouse and by keyboard; and the way through a timeline.

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
    fact(list, "Request id", column.requestId[at]);
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
const open = (item, isByKey) => {
  if (canZoom(item.cell)) ask({ zoom: zoomInto(item.cell) }, item.closest(".flow"), isByKey);
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
  else if (onCell(event)) open(onCell(event), false);
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
    open(item, true);
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
