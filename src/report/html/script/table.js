// The table of the windows that are shown, page by page, and its copy.

const PAGE = 50;
const HEADS = [...document.querySelectorAll("#windows th")].map((head) => head.textContent);
// The class of the cells of a column: numbers, what was said, ids.
const CLASSES = ["", "", "", "number", "number", "number", "", "said", "id", "id", ""];
const cellsOfRow = (at) => {
  const attempt = column.attempt[at] > 1 ? ` (attempt ${column.attempt[at]})` : "";
  const ended = column.ended[at] === null ? "" : `${iso(column.ended[at]).slice(0, 19)}Z`;
  const counts = [column.input[at], column.output[at], column.failed[at]].map((n) => (n === null ? "" : String(n)));
  return [statusOf(at).label + attempt, flows[column.flow[at]].name, windowOf(at), ...counts, ended, said(at), column.runId[at], column.key[at], place(at)];
};
const drawTable = () => {
  const pages = Math.max(1, Math.ceil(shown.length / PAGE));
  asked.page = Math.min(asked.page, pages - 1);
  const first = asked.page * PAGE;
  const rows = shown.slice(first, first + PAGE).map((at) => {
    const cells = cellsOfRow(at).map((text, n) => make("td", { class: CLASSES[n] }, CLASSES[n] === "number" ? count(text) : text));
    cells[0].prepend(badge(statusOf(at)));
    return make("tr", {}, ...cells);
  });
  by("rows").replaceChildren(...rows);
  const last = Math.min(first + PAGE, shown.length);
  by("pages").textContent = shown.length ? `${count(first + 1)} to ${count(last)} of ${count(shown.length)}` : "no window";
  by("before").disabled = asked.page === 0;
  by("after").disabled = asked.page === pages - 1;
};

// What a spreadsheet would take for a formula is text.
const plain = (text) => (/^[=+\-@\t]/.test(text) ? `'${text}` : text);
// So long a clipboard may take, in milliseconds: one that asks somebody, or that another program holds, may never answer.
const CLIPBOARD = 2000;
const copy = async () => {
  const text = [HEADS, ...shown.map(cellsOfRow)].map((row) => row.map(plain).join("\t")).join("\n");
  const rows = `${count(shown.length)} rows`;
  by("as-text")?.remove();
  const silent = new Promise((resolve) => setTimeout(resolve, CLIPBOARD, false));
  let isCopied;
  try {
    isCopied = await Promise.race([navigator.clipboard.writeText(text).then(() => true), silent]);
  } catch {
    isCopied = null;
  }
  if (!isCopied) {
    // What the clipboard does not take is selected, to be copied by hand. A page that may not write to it may still
    // copy what is selected.
    const area = make("textarea", { id: "as-text", "aria-label": "The table as text", rows: 4, readonly: "" });
    area.value = text;
    by("copy").after(area);
    area.select();
    isCopied ??= document.execCommand("copy");
    if (isCopied) area.remove();
  }
  if (isCopied) by("copy").focus();
  const not = `The clipboard does not answer. ${rows} are selected as text: press Ctrl+C, or ⌘C on a Mac.`;
  by("said").textContent = isCopied ? `${rows} were copied.` : not;
  by("copy").textContent = isCopied ? `Copied ${rows}` : "Not copied: press Ctrl+C or ⌘C";
  setTimeout(() => (by("copy").textContent = "Copy the table"), isCopied ? 3000 : 10000);
};
