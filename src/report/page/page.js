"use strict";
// The page reads without this: it only makes tables sort and filter.
for (const table of document.querySelectorAll("table.sortable")) {
  const body = table.tBodies[0];
  const heads = [...table.tHead.rows[0].cells];
  const value = (row, column) => {
    const cell = row.cells[column];
    // Of baseline → contender the contender counts; what is absent stands below every figure.
    const text = cell.dataset.v ?? cell.textContent.split("→").pop().trim();
    const number = cell.classList.contains("w") ? NaN : text === "–" ? -1 : parseFloat(text);
    return Number.isNaN(number) ? text : number;
  };
  heads.forEach((head, column) => {
    const button = document.createElement("button");
    button.type = "button";
    button.append(...head.childNodes);
    head.append(button);
    button.addEventListener("click", () => {
      const down = head.getAttribute("aria-sort") === "ascending";
      heads.forEach((other) => other.removeAttribute("aria-sort"));
      head.setAttribute("aria-sort", down ? "descending" : "ascending");
      const order = (a, b) =>
        typeof a === "number" && typeof b === "number" ? a - b : String(a).localeCompare(String(b), "en", { numeric: true });
      const rows = [...body.rows].map((row) => [value(row, column), row]);
      rows.sort((a, b) => (down ? order(b[0], a[0]) : order(a[0], b[0])));
      body.append(...rows.map((pair) => pair[1]));
    });
  });
}
for (const field of document.querySelectorAll(".filter input")) {
  const body = document.getElementById(field.dataset.table).tBodies[0];
  const count = field.parentElement.querySelector("output");
  const words = [...body.rows].map((row) => [row, row.textContent.toLowerCase()]);
  field.parentElement.hidden = false;
  field.addEventListener("input", () => {
    const wanted = field.value.toLowerCase().split(" ").filter(Boolean);
    let left = 0;
    for (const [row, text] of words) {
      row.hidden = !wanted.every((word) => text.includes(word));
      left += row.hidden ? 0 : 1;
    }
    count.textContent = `${left} of ${words.length} rows`;
  });
}
