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
