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

  // On a narrow screen the page is a list of its parts, each opened by a press or by a link to it.
  var narrow = window.matchMedia("screen and (max-width: 70rem)");
  var contents = document.getElementById("contents");
  var parts = Array.prototype.slice.call(document.querySelectorAll("details.part"));
  var shut = parts.filter(function (part) { return !part.open; });
  function fit() {
    if (window.matchMedia("print").matches) { return; }
    contents.open = !narrow.matches;
    parts.forEach(function (part, index) {
      part.open = shut.indexOf(part) < 0 && (!narrow.matches || index < 3);
    });
    reveal();
  }
  function reveal() {
    var target = location.hash && document.getElementById(location.hash.slice(1));
    var part = target && (target.querySelector("details.part") || target.closest("details.part"));
    if (part && !part.open) { part.open = true; target.scrollIntoView(); }
  }
  document.querySelectorAll('a[href^="#"]').forEach(function (link) {
    link.addEventListener("click", function () {
      if (narrow.matches) { contents.open = false; }
      window.setTimeout(reveal, 0);
    });
  });
  narrow.addEventListener("change", fit);
  window.addEventListener("hashchange", reveal);
  fit();

  // A table wider than its place says that it goes on.
  var watcher = new ResizeObserver(function (entries) {
    entries.forEach(function (entry) {
      var box = entry.target;
      box.dataset.hint = root.dataset.hint;
      box.classList.toggle("cut", box.scrollWidth > box.clientWidth + 1);
    });
  });
  document.querySelectorAll(".scroll").forEach(function (box) { watcher.observe(box); });

  // Closed details would print as one line.
  window.addEventListener("beforeprint", function () {
    document.querySelectorAll("details").forEach(function (part) { part.open = true; });
  });
  window.addEventListener("afterprint", fit);

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
