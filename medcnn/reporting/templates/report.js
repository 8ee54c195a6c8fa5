(function () {
  "use strict";
  var root = document.documentElement;
  var themeButton = document.getElementById("theme");

  function isDark() {
    var set = root.getAttribute("data-theme");
    return set ? set === "dark" : window.matchMedia("(prefers-color-scheme: dark)").matches;
  }
  themeButton.setAttribute("aria-pressed", String(isDark()));
  themeButton.addEventListener("click", function () {
    var next = isDark() ? "light" : "dark";
    root.setAttribute("data-theme", next);
    themeButton.setAttribute("aria-pressed", String(next === "dark"));
    // A browser may forbid storage for files; the choice then lasts as long as the page.
    try { window.localStorage.setItem("medcnn-theme", next); } catch (error) { return; }
  });
  document.getElementById("print").addEventListener("click", function () { window.print(); });

  // Closed details would print as one line.
  window.addEventListener("beforeprint", function () {
    document.querySelectorAll("details").forEach(function (part) { part.open = true; });
  });

  var table = document.getElementById("case-table");
  var body = table.tBodies[0];
  var rows = Array.prototype.slice.call(body.rows);

  function valueOf(row, column, kind) {
    var cell = row.cells[column];
    return kind === "number" ? Number(cell.dataset.value) : cell.textContent.trim();
  }
  function compare(a, b) {
    return typeof a === "number" ? a - b : a.localeCompare(b, root.lang, { numeric: true });
  }
  table.querySelectorAll("thead button").forEach(function (button) {
    button.addEventListener("click", function () {
      var head = button.parentElement;
      var down = head.getAttribute("aria-sort") === "ascending";
      table.querySelectorAll("thead th[aria-sort]").forEach(function (other) {
        other.setAttribute("aria-sort", "none");
      });
      head.setAttribute("aria-sort", down ? "descending" : "ascending");
      var keyed = rows.map(function (row) {
        return { row: row, key: valueOf(row, head.cellIndex, button.dataset.sort) };
      });
      keyed.sort(function (a, b) { return (down ? -1 : 1) * compare(a.key, b.key); });
      var sorted = document.createDocumentFragment();
      keyed.forEach(function (item) { sorted.appendChild(item.row); });
      body.appendChild(sorted);
    });
  });

  var text = document.getElementById("filter-text");
  var outcome = document.getElementById("filter-outcome");
  var low = document.getElementById("filter-low");
  var high = document.getElementById("filter-high");
  var count = document.getElementById("filter-count");
  var names = rows.map(function (row) {
    var first = row.querySelector("th");
    return (first.textContent + " " + first.nextElementSibling.textContent).toLowerCase();
  });

  function filter() {
    var wanted = text.value.trim().toLowerCase();
    var cells = outcome.value ? outcome.value.split(" ") : [];
    var from = low.value === "" ? 0 : Number(low.value);
    var to = high.value === "" ? 1 : Number(high.value);
    var shown = 0;
    rows.forEach(function (row, index) {
      var score = Number(row.dataset.score);
      var keep = names[index].indexOf(wanted) >= 0 && score >= from && score <= to &&
        (cells.length === 0 || cells.indexOf(row.dataset.outcome) >= 0);
      row.hidden = !keep;
      shown += keep ? 1 : 0;
    });
    count.textContent = shown.toLocaleString(root.lang) + " " + count.dataset.word;
  }
  var form = document.getElementById("filters");
  form.addEventListener("input", filter);
  form.addEventListener("reset", function () { window.setTimeout(filter, 0); });
  form.addEventListener("submit", function (event) { event.preventDefault(); });
})();
