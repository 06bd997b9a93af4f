// The table of the windows that are shown, page by page, and its copy.

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
  by("said").textContent = isCopied ? `${rows} were copied.` : `The clipboard does not answer. ${rows} are selected as text: press Ctrl+C, or ⌘C on a Mac.`;
  by("copy").textContent = isCopied ? `Copied ${rows}` : "Not copied: press Ctrl+C or ⌘C";
  setTimeout(() => (by("copy").textContent = "Copy the table"), isCopied ? 3000 : 10000);
};
