// Marks to files and back. A cell that a spreadsheet would take for a formula gets an apostrophe before it.
const COLUMNS = ["name", "photo", "mark", "note", "time", "corroded_percent", "iso_4628_3"];

// Bytes of a file name that are no UTF-8, as the tables write them.
function written(text) {
  return text.replace(/[\ud800-\udfff]/gu, (code) => `\\u${code.charCodeAt(0).toString(16)}`);
}

function cell(value) {
  const text = written(String(value));
  const safe = /^[=+\-@\t\r']/.test(text) ? `'${text}` : text;
  return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}

function marksAsCsv() {
  const rows = photos.filter((photo) => markOf(photo) || noteOf(photo)).map((photo) => [
    photo.name, photo.photo, markOf(photo), noteOf(photo), keptOf(photo).time, photo.percent, photo.iso,
  ]);
  return [COLUMNS, ...rows].map((row) => row.map(cell).join(",") + "\r\n").join("");
}

function listForLabelling() {
  const wanted = photos.filter((photo) => ["wrong", "look again"].includes(markOf(photo)));
  return wanted.map((photo) => `${written(photo.photo)}\n`).join("");
}

function csvRows(text) {
  const rows = [[]];
  const cells = /("(?:[^"]|"")*"|[^",\r\n]*)(,|\r?\n|$)/y;
  cells.lastIndex = text.startsWith("\ufeff") ? 1 : 0;
  while (cells.lastIndex < text.length) {
    const found = cells.exec(text);
    if (!found) throw new Error("not a CSV file");
    const value = found[1].startsWith('"') ? found[1].slice(1, -1).replaceAll('""', '"') : found[1];
    rows[rows.length - 1].push(value.replace(/^'/, ""));
    if (found[2] === ",") {
      if (cells.lastIndex === text.length) rows[rows.length - 1].push("");
    } else rows.push([]);
  }
  return rows.filter((row) => row.length > 1);
}

function marksFromCsv(text) {
  const [head, ...rows] = csvRows(text);
  const place = Object.fromEntries((head || []).map((name, index) => [name, index]));
  if (!["name", "mark", "note"].every((name) => name in place)) {
    throw new Error("it lacks the columns name, mark and note");
  }
  const byName = new Map(photos.map((photo) => [written(photo.name).normalize("NFC"), photo]));
  const found = { known: 0, nameless: 0, unknown: 0, other: 0, older: 0 };
  rows.forEach((row) => {
    const photo = byName.get((row[place.name] || "").normalize("NFC"));
    const mark = (row[place.mark] || "").trim().toLowerCase();
    const seen = "corroded_percent" in place ? row[place.corroded_percent] : "";
    if (!photo) found.nameless += 1;
    else if (mark && !MARKS.includes(mark)) found.unknown += 1;
    else if (seen && Math.abs(Number(seen) - photo.percent) > ALIKE) found.other += 1;
    else if (timeOf(row[place.time]) < keptOf(photo).time) found.older += 1;
    else {
      found.known += 1;
      setMark(photo, mark || markOf(photo), row[place.note] || noteOf(photo), timeOf(row[place.time]));
    }
  });
  const left = [[found.nameless, "no photo of this job"], [found.unknown, `a mark that is none of ${MARKS.join(", ")}`],
    [found.other, "given to another result"], [found.older, "older than the mark or note here"]].filter(([number]) => number);
  return `${several(found.known, "photo", "photos")} marked from the file`
    + left.map(([number, why]) => `; ${several(number, "row", "rows")} left out: ${why}`).join("") + ".";
}

function timeOf(text) { return /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/.test(text || "") ? text : undefined; }

function save(name, kind, text) {
  const link = made("a");
  link.href = URL.createObjectURL(new Blob([text], { type: kind }));
  link.download = name;
  document.body.append(link);
  link.click();
  link.remove();
  setTimeout(() => URL.revokeObjectURL(link.href), 10000);
}

function setUpExports() {
  byId("save-marks").addEventListener("click", () => save("marks.csv", "text/csv", `\ufeff${marksAsCsv()}`));
  byId("save-list").addEventListener("click", () => save("photos-to-label.txt", "text/plain", listForLabelling()));
  byId("load-marks").addEventListener("change", (event) => {
    const file = event.target.files[0];
    if (!file) return;
    file.text().then(marksFromCsv).catch((error) => `${file.name} cannot be used: ${error.message}.`)
      .then((told) => { byId("marks-told").textContent = told; draw(); });
    event.target.value = "";
  });
}
