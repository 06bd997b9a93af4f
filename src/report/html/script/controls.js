// The controls, and drawing anew what they change. The last file: it begins the work.

const drawControls = () => {
  for (const name of ["flow", "text", "from", "to", "order"]) if (by(name).value !== asked[name]) by(name).value = asked[name];
  for (const button of document.querySelectorAll("#legend button")) {
    button.setAttribute("aria-pressed", asked.status.has(button.dataset.status));
  }
  by("clear").disabled = !isFiltered();
  by("shown").textContent = isFiltered() ? `${count(shown.length)} of ${count(number)} windows` : `${count(number)} windows`;
};
const drawProblems = () => {
  const text = asked.text.toLowerCase();
  let any = false;
  for (const problem of document.querySelectorAll("#attention .problem")) {
    const lines = [...problem.querySelectorAll(".where")];
    for (const line of lines) line.hidden = asked.flow !== "" && line.dataset.flow !== asked.flow;
    const isOfOthers = lines.every((line) => line.hidden) && !problem.querySelector(".more");
    const isOtherStatus = asked.status.size > 0 && !asked.status.has(problem.dataset.status);
    problem.hidden = isOfOthers || isOtherStatus || !problem.textContent.toLowerCase().includes(text);
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
  const places = new Set(shown.map((at) => column.flow[at]));
  for (const { article } of bars.values()) article.hidden = isFiltered() && !places.has(Number(article.dataset.place));
};
const ask = (change) => {
  Object.assign(asked, { page: 0 }, change);
  write();
  redraw();
};

const isTwice = ({ name }) => flows.filter((flow) => flow.name === name).length > 1;
by("flow").append(...flows.map((flow) => make("option", { value: flow.key }, isTwice(flow) ? `${flow.name} (${flow.key})` : flow.name)));
for (const item of document.querySelectorAll("#legend li")) {
  const { status } = item.dataset;
  const button = make("button", { type: "button", "aria-pressed": "false", "data-status": status, title: item.title }, ...item.childNodes);
  item.removeAttribute("title");
  item.append(button);
  button.addEventListener("click", () => {
    const words = new Set(asked.status);
    if (!words.delete(status)) words.add(status);
    ask({ status: words });
  });
}
for (const name of ["flow", "from", "to", "order"]) by(name).addEventListener("change", () => ask({ [name]: by(name).value }));
let typing = 0;
by("text").addEventListener("input", () => {
  clearTimeout(typing);
  typing = setTimeout(() => ask({ text: by("text").value.trim() }), 120);
});
by("filters").addEventListener("submit", (event) => event.preventDefault());
by("clear").addEventListener("click", () => ask(NOTHING));
by("copy").addEventListener("click", copy);
for (const [id, pages] of [["before", -1], ["after", 1]]) by(id).addEventListener("click", () => ask({ page: asked.page + pages }));
addEventListener("hashchange", () => {
  read();
  redraw();
});

for (const hidden of document.querySelectorAll("#filters, .tools, .scroll")) hidden.hidden = false;
read();
redraw();
