(function () {
  "use strict";
  var root = document.documentElement;
  var all = function (selector, from) { return Array.prototype.slice.call((from || document).querySelectorAll(selector)); };
  all(".needs-js").forEach(function (el) { el.hidden = false; });

  // Theme: auto, light, dark. Browsers may forbid storage for local files; then the choice lasts until the page closes.
  var themes = ["", "light", "dark"], theme = "", button = document.getElementById("theme");
  try { theme = localStorage.getItem("kneepoint-theme") || ""; } catch (e) {}
  function showTheme() {
    if (theme) root.dataset.theme = theme; else delete root.dataset.theme;
    button.textContent = "Theme: " + (theme || "auto");
    postToFlames({ theme: theme });
  }
  button.addEventListener("click", function () {
    theme = themes[(themes.indexOf(theme) + 1) % themes.length];
    try { localStorage.setItem("kneepoint-theme", theme); } catch (e) {}
    showTheme();
  });

  // Collapsible parts: expand all, and expand for print.
  var openAll = document.getElementById("open-all"), opened = false;
  function expandAll(open) {
    opened = open;
    all("main details").forEach(function (d) { d.open = open; });
    openAll.textContent = open ? "Collapse all" : "Expand all";
  }
  openAll.addEventListener("click", function () { expandAll(!opened); });
  var shut = [];
  addEventListener("beforeprint", function () {
    shut = all("main details:not([open])").filter(function (d) { return !d.classList.contains("data"); });
    shut.forEach(function (d) { d.open = true; });
  });
  addEventListener("afterprint", function () { shut.forEach(function (d) { d.open = false; }); shut = []; });

  // A link into a collapsed part expands it; #everything expands all.
  function reveal() {
    if (location.hash === "#everything") return expandAll(true);
    var id = location.hash.slice(1), target = id && document.getElementById(id);
    for (var el = target; el; el = el.parentElement) if (el.tagName === "DETAILS") el.open = true;
    if (target) target.scrollIntoView();
  }
  addEventListener("hashchange", reveal);

  // Tables: sort by any column, filter long tables.
  function valueOf(row, at) {
    var cell = row.cells[at];
    return cell.dataset.v !== undefined ? parseFloat(cell.dataset.v) : cell.textContent.trim().toLowerCase();
  }
  function sortBy(table, at) {
    var heads = all("thead th", table), head = heads[at], down = head.getAttribute("aria-sort") !== "descending";
    var rows = all("tbody tr", table), factor = down ? -1 : 1;
    heads.forEach(function (h) { h.removeAttribute("aria-sort"); });
    head.setAttribute("aria-sort", down ? "descending" : "ascending");
    rows.map(function (row, i) { return { row: row, key: valueOf(row, at), i: i }; })
      .sort(function (a, b) {
        var both = typeof a.key === "number" && typeof b.key === "number";
        var order = both ? a.key - b.key : String(a.key).localeCompare(String(b.key));
        return order ? order * factor : a.i - b.i;
      })
      .forEach(function (entry) { table.tBodies[0].appendChild(entry.row); });
  }
  all("main table").forEach(function (table) {
    if (table.tBodies[0].rows.length > 1) all("thead th", table).forEach(function (head, at) {
      var sorter = document.createElement("button");
      sorter.type = "button";
      while (head.firstChild) sorter.appendChild(head.firstChild);
      head.appendChild(sorter);
      sorter.addEventListener("click", function () { sortBy(table, at); });
    });
    if (table.dataset.filter === undefined) return;
    var field = document.createElement("input"), label = document.createElement("label"), matches = document.createElement("output");
    field.type = "search"; field.placeholder = "type to filter rows";
    label.className = "filter"; label.append("Filter ", field, " ", matches);
    table.parentElement.parentElement.insertBefore(label, table.parentElement);
    field.addEventListener("input", function () {
      var needle = field.value.toLowerCase(), shown = 0;
      all("tbody tr", table).forEach(function (row) {
        row.hidden = row.textContent.toLowerCase().indexOf(needle) < 0;
        if (!row.hidden) shown += 1;
      });
      matches.textContent = needle ? shown + " of " + table.tBodies[0].rows.length : "";
    });
  });

  // Flame graphs are in frames without an origin, so the page controls them by messages only.
  var flames = all("iframe[data-key]"), working = 0;
  function post(frame, message) { message.kneepoint = frame.dataset.key; frame.contentWindow.postMessage(message, "*"); }
  function postToFlames(message) { flames.forEach(function (frame) { post(frame, Object.assign({}, message)); }); }
  root.dataset.flames = "0";
  addEventListener("message", function (event) {
    var frame = flames.filter(function (f) { return f.contentWindow === event.source; })[0], m = event.data;
    if (!frame || !m || m.kneepoint !== frame.dataset.key) return;
    var form = document.querySelector('form[data-for="' + frame.id + '"]');
    if (m.ready && !frame.dataset.asked) {
      frame.dataset.asked = "1";
      post(frame, { theme: theme });
      post(frame, { check: true });
    }
    if (m.checked && !frame.dataset.works) {
      frame.dataset.works = "1";
      working += 1;
      root.dataset.flames = String(working);
      form.querySelector("output").textContent = "";
    }
    if (typeof m.matched === "string" && frame.dataset.works) form.querySelector("output").textContent = m.matched.slice(0, 80);
    if (m.ask) form.querySelector("input").focus();
  });
  all("form.tools").forEach(function (form) {
    var frame = document.getElementById(form.dataset.for), field = form.querySelector("input");
    form.addEventListener("submit", function (event) {
      event.preventDefault();
      post(frame, field.value ? { search: field.value } : { clear: true });
    });
    form.addEventListener("click", function (event) {
      var act = event.target.dataset && event.target.dataset.act;
      if (act === "clear") { field.value = ""; form.querySelector("output").textContent = ""; }
      if (act) { var message = {}; message[act] = true; post(frame, message); }
    });
  });
  all("main details").forEach(function (d) {
    d.addEventListener("toggle", function () { if (d.open) all("iframe", d).forEach(function (f) { post(f, { resize: true }); }); });
  });

  showTheme();
  reveal();
  postToFlames({ hello: true });
  root.dataset.ready = "1";
})();
