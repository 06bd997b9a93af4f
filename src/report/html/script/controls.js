// The controls, and drawing anew what they change. The last file: it begins the work.

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
    problem.hidden = (asked.status.size > 0 && !asked.status.has(problem.dataset.status)) || (lines.every((line) => line.hidden) && !problem.querySelector(".more")) || (text !== "" && !problem.textContent.toLowerCase().includes(text));
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
// Changes what is asked for; `keep` stays where it is on the screen, and has the focus by key.
const ask = (change, keep, isByKey) => {
  const before = keep?.getBoundingClientRect().top;
  Object.assign(asked, { page: 0 }, change);
  write();
  redraw();
  if (!keep) return;
  if (stale.delete(keep)) draw(keep);
  scrollBy(0, keep.getBoundingClientRect().top - before);
  if (isByKey) keep.querySelector(".cell[tabindex='0']")?.focus({ preventScroll: true });
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
