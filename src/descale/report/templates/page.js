(function () {
  "use strict";
  const PAGE = 50;
  const FACTS = ["dataset", "architecture", "encoder", "strategy", "sparsity"];
  const data = JSON.parse(document.getElementById("results-data").textContent);
  const table = document.getElementById("trials");
  const body = table.tBodies[0];
  const heads = Array.from(table.tHead.rows[0].cells);
  const formats = heads.map((head) => head.dataset.format);
  const places = heads.map((head) => Number(head.dataset.place));
  const count = document.getElementById("count");
  const search = document.getElementById("search");
  let rows = data.trials.map((trial, index) => ({ trial, index }));
  let sort = { column: -1, rising: true };
  let page = 0;

  function chosen(name) {
    const boxes = document.querySelectorAll(`.filters input[name="${name}"]`);
    if (!boxes.length) return null;
    return new Set(Array.from(boxes).filter((box) => box.checked).map((box) => box.value));
  }

  function passes(facts, wanted) {
    return FACTS.every((name, position) => !wanted[name] || wanted[name].has(facts[position]));
  }

  function shown(value, format) {
    if (value === null || value === undefined) return "–";
    if (format === "score") return value.toFixed(3);
    if (format === "points") return (100 * value).toFixed(1);
    if (format === "count") return Math.round(value).toLocaleString("en");
    if (format === "time") return value < 10 ? value.toFixed(2) : value.toFixed(0);
    return String(value);
  }

  function filtered() {
    const wanted = Object.fromEntries(FACTS.map((name) => [name, chosen(name)]));
    const words = search.value.toLowerCase().split(/\s+/).filter(Boolean);
    const visible = data.cells.map((facts) => passes(facts, wanted));
    document.querySelectorAll("[data-cell]").forEach((mark) => {
      mark.classList.toggle("off", !visible[Number(mark.dataset.cell)]);
    });
    return rows.filter(({ trial }) => {
      const names = trial[trial.length - 1];
      const facts = [trial[1], names[0], trial[3], names[1], String(trial[5])];
      if (!passes(facts, wanted)) return false;
      if (!words.length) return true;
      const text = trial.slice(1, -1).join(" ").toLowerCase();
      return words.every((word) => text.includes(word));
    });
  }

  function draw() {
    const kept = filtered();
    const pages = Math.max(1, Math.ceil(kept.length / PAGE));
    page = Math.min(page, pages - 1);
    const fragment = document.createDocumentFragment();
    kept.slice(page * PAGE, (page + 1) * PAGE).forEach(({ trial }) => {
      const row = document.createElement("tr");
      heads.forEach((head, column) => {
        const cell = document.createElement("td");
        cell.textContent = shown(trial[places[column]], formats[column]);
        if (formats[column] === "text") cell.className = "left";
        row.append(cell);
      });
      fragment.append(row);
    });
    body.replaceChildren(fragment);
    count.textContent = `${kept.length} of ${rows.length} trials`;
    document.getElementById("page-number").textContent = `page ${page + 1} of ${pages}`;
    document.getElementById("previous").disabled = page === 0;
    document.getElementById("next").disabled = page >= pages - 1;
  }

  function compare(a, b) {
    return typeof a === "number" && typeof b === "number" ? a - b : String(a).localeCompare(String(b));
  }

  heads.forEach((head, column) => {
    head.querySelector("button").addEventListener("click", () => {
      sort = { column, rising: sort.column === column ? !sort.rising : formats[column] === "text" };
      heads.forEach((other) => other.removeAttribute("aria-sort"));
      head.setAttribute("aria-sort", sort.rising ? "ascending" : "descending");
      const place = places[column];
      const empty = (row) => row.trial[place] === null;
      rows.sort((a, b) => {
        // Missing values stay at the end, whatever the direction.
        if (empty(a) || empty(b)) return empty(a) - empty(b);
        const order = compare(a.trial[place], b.trial[place]);
        return (sort.rising ? order : -order) || a.index - b.index;
      });
      page = 0;
      draw();
    });
  });

  function restart() { page = 0; draw(); }
  document.querySelectorAll(".filters input").forEach((input) => input.addEventListener("input", restart));
  document.getElementById("reset").addEventListener("click", () => {
    document.querySelectorAll('.filters input[type="checkbox"]').forEach((box) => { box.checked = true; });
    search.value = "";
    restart();
  });
  document.getElementById("previous").addEventListener("click", () => { page -= 1; draw(); });
  document.getElementById("next").addEventListener("click", () => { page += 1; draw(); });
  document.querySelectorAll(".needs-script").forEach((part) => { part.hidden = false; });
  window.addEventListener("pageshow", draw);  // going back, a browser restores the boxes alone
  draw();
})();
