"use strict";
// Tables are sorted by a click on a heading, errors filtered by type and kind. Without a script all is there to read.
for (const table of document.querySelectorAll("table.sortable")) {
  const rows = table.tHead.rows;
  const columns = [];
  // Where headings span rows and columns, the one that stands lowest over a column sorts it.
  [...rows].forEach((row, y) => {
    let x = 0;
    for (const th of row.cells) {
      while (columns[x] && columns[x].until > y) x++;
      for (let i = 0; i < th.colSpan; i++) columns[x + i] = { th, until: y + th.rowSpan };
      x += th.colSpan;
    }
  });
  columns.forEach(({ th }, x) => {
    if (th.colSpan > 1) return;
    const button = document.createElement("button");
    button.type = "button";
    button.append(...th.childNodes);
    th.append(button);
    button.addEventListener("click", () => {
      const up = th.getAttribute("aria-sort") !== "ascending";
      for (const { th } of columns) th.removeAttribute("aria-sort");
      th.setAttribute("aria-sort", up ? "ascending" : "descending");
      const key = (row) => {
        const cell = row.cells[x];
        const text = cell.dataset.sort ?? cell.textContent.trim().replaceAll("\u2212", "-").replaceAll(",", "");
        const number = Number.parseFloat(text);
        return Number.isNaN(number) ? text : number;
      };
      const empty = (value) => value === "" || value === "\u2013";
      const body = table.tBodies[0];
      const order = [...body.rows].map((row) => [key(row), row]);
      order.sort(([a], [b]) => {
        if (empty(a) || empty(b)) return empty(a) - empty(b);
        const less = typeof a === "number" && typeof b === "number" ? a - b : String(a).localeCompare(String(b), "en", { numeric: true });
        return up ? less : -less;
      });
      body.append(...order.map(([, row]) => row));
    });
  });
}
for (const part of document.querySelectorAll("details.run, section.units")) {
  const filter = part.querySelector(".filter");
  filter.hidden = false;
  const [type, kind] = ["type", "kind"].map((name) => filter.querySelector(`[data-filter=${name}]`));
  const has = (list, wanted) => wanted === "" || list.split("|").includes(wanted);
  const apply = () => {
    let shown = 0;
    for (const item of part.querySelectorAll("[data-types]")) {
      const group = item.closest("details.kind");
      item.hidden = !has(item.dataset.types, type.value) || !has((group ?? item).dataset[group ? "kind" : "kinds"], kind.value);
      shown += !item.hidden;
    }
    for (const group of part.querySelectorAll("details.kind")) {
      group.hidden = !group.querySelector("[data-types]:not([hidden])");
      if (kind.value !== "" && !group.hidden) group.open = true;
    }
    filter.querySelector("output").textContent = `${shown} shown`;
  };
  type.addEventListener("change", apply);
  kind.addEventListener("change", apply);
}
// A link into a closed part opens it.
const reveal = () => {
  const target = location.hash && document.getElementById(decodeURIComponent(location.hash.slice(1)));
  for (let at = target; at; at = at.parentElement) if (at.tagName === "DETAILS") at.open = true;
  if (target) target.scrollIntoView();
};
addEventListener("hashchange", reveal);
if (location.hash) reveal();
