// Totals, keys that work everywhere, printing, and the beginning.
function showTotals() {
  const totals = data.totals;
  const stills = totals.photos - totals.frames;
  const figures = [["photos", count(stills)]];
  if (totals.frames) figures.push(["frames", `${count(totals.frames)} of ${several(totals.videos, "video", "videos")}`]);
  figures.push(["skipped", count(data.skipped.length)]);
  figures.push(["with corrosion", count(totals.corroded)]);
  figures.push(["corroded, of all pixels", percent(totals.corroded_percent)]);
  figures.push(["median photo", percent(totals.median_percent)]);
  if (totals.corroded_cm2 !== null) figures.push(["corroded area", squareMetres(totals.corroded_cm2)]);
  figures.push(["patches", count(totals.patches)]);
  fillFacts(byId("figures"), figures);
  const most = Math.max(1, ...totals.degrees);
  totals.degrees.forEach((number, iso) => {
    const item = made("li");
    const bar = made("span", `stripe g${iso}`);
    if (number) bar.append(made("span", "swatch"));
    bar.setAttribute("aria-hidden", "true");
    bar.style.width = `${50 * number / most}%`;
    item.append(made("b", "", `Ri ${iso}`), bar, made("span", "", several(number, "photo", "photos")));
    byId("degrees").append(item);
  });
  byId("caveat").textContent = data.note;
  byId("viewer-caveat").textContent = data.note;
  byId("skipped").hidden = !data.skipped.length;
  document.querySelector("#skipped summary").textContent = `${several(data.skipped.length, "input", "inputs")} skipped`;
  data.skipped.forEach((entry) => document.querySelector("#skipped ul").append(made("li", "", entry.reason)));
  const facts = Object.fromEntries(data.made);
  byId("made-line").textContent = `Found by the bundle ${facts.bundle}, threshold ${facts.threshold}, descale ${facts.descale}, ${facts["this page"]}`;
  fillFacts(byId("made"), data.made);
}

function showComparison() {
  const compared = data.compared;
  byId("comparison").hidden = !compared;
  if (!compared) return;
  const both = (values, words) => values.map((value) => value === null ? "–" : words(value)).join(" → ");
  const figures = [["photos in both jobs", count(compared.both)], ["▲ grew", count(compared.grew)],
    ["▼ shrank", count(compared.shrank)], ["= about the same", count(compared.same)],
    ["of a worse degree", count(compared.worse)], ["new here", count(compared.new)],
    ["only in the earlier job", count(compared.gone.length)]];
  if (compared.both) figures.push(["corroded, photos in both", both(compared.percent, percent)]);
  if (compared.cm2.every((value) => value !== null)) figures.push(["corroded area", both(compared.cm2, squareMetres)]);
  fillFacts(byId("comparison-figures"), figures);
  const settings = compared.settings === null ? "What made the earlier job is not known. "
    : compared.settings.length ? `The jobs differ in ${compared.settings.join(", ")}: changes may come from that. ` : "";
  byId("comparison-note").textContent = `${settings}Compared with ${compared.earlier}, by the photos' names. The photos are not `
    + "laid over one another: another view, distance or light changes the numbers too. About the same means "
    + `the same degree and less than ${compared.alike} points of difference.`;
  byId("gone").hidden = !compared.gone.length;
  document.querySelector("#gone summary").textContent = `${several(compared.gone.length, "photo", "photos")} only in the earlier job`;
  compared.gone.forEach((name) => document.querySelector("#gone ul").append(made("li", "", name)));
}

function isTyping(target) {
  return target.tagName === "TEXTAREA" || target.tagName === "SELECT"
    || (target.tagName === "INPUT" && !["checkbox", "button"].includes(target.type));
}

function printAll() {
  document.querySelectorAll("details").forEach((part) => { part.open = true; });
  draw();  // marks that were given meanwhile may count among the filters
  return loadAll().then(() => window.print());
}

function anyKey(event) {
  if ((event.ctrlKey || event.metaKey) && event.key === "p") {
    event.preventDefault();
    printAll();
    return;
  }
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  const target = event.target;
  if (event.key === "Escape" && target === search) {
    search.value = "";
    draw();
    moveTo(here, true);
    return;
  }
  if (isTyping(target) && !(viewer.open && target.type === "range" && !event.key.startsWith("Arrow"))
      && !(target.type === "radio" && !event.key.startsWith("Arrow"))) {
    if (event.key === "Escape" && target.tagName === "TEXTAREA") {
      event.preventDefault();  // leaves the note, not the photo
      stage.focus();
    }
    return;
  }
  if (byId("help").open) return;
  if (event.key === "?") byId("help").showModal();
  else if (/^[0-3]$/.test(event.key)) {
    const mark = ["", ...MARKS][Number(event.key)];
    if (viewer.open) markCurrent(mark);
    else if (grid.contains(document.activeElement)) setMark(shown[here], mark, noteOf(shown[here]));
    else return;
  } else if (viewer.open) {
    if (!viewerKey(event)) return;
  } else if (event.key === "/") search.focus();
  else if (event.key === "n" && grid.contains(document.activeElement)) {
    openViewer(shown[here]);
    byId("note").focus();
  } else return;
  event.preventDefault();
}

// Pictures that were not scrolled to are not loaded yet: a printer would find them empty.
function loadAll() {
  return Promise.all(shown.map((photo) => new Promise((there) => {
    const picture = cardOf(photo).querySelector("img");
    if (picture.naturalWidth || photo.lost) there();  // "complete" is true of pictures that wait, too
    ["load", "error"].forEach((kind) => picture.addEventListener(kind, there, { once: true }));
    picture.loading = "eager";
  })));
}

readMarks();
setUpGrid();
setUpViewer();
setUpExports();
showTotals();
showComparison();
photos.forEach(showPhotoMark);
showMarksCount();
["totals", "controls", "help-line", "marks-section"].forEach((id) => { byId(id).hidden = false; });
draw();
document.addEventListener("keydown", anyKey);
window.addEventListener("beforeprint", loadAll);
window.addEventListener("storage", (event) => {
  if (event.key !== MARKS_KEY) return;
  readMarks();
  photos.forEach(showPhotoMark);
  showMarksCount();
  if (viewer.open) {
    showMark();
    byId("note").value = noteOf(current);
  }
});
window.addEventListener("pageshow", () => {  // going back, a browser restores what was chosen, not what was drawn
  draw();
  showLayer();
});
byId("print").addEventListener("click", printAll);
byId("show-help").addEventListener("click", () => byId("help").showModal());
byId("close-help").addEventListener("click", () => byId("help").close());
