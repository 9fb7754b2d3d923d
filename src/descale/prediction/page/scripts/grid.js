// The photos as a grid: sorted, filtered, searched, walked through by keys.
function growth(photo) { return photo.before ? points(photo) : -Infinity; }

const ORDERS = {
  growth: ["growth", (a, b) => growth(b) === growth(a) ? b.percent - a.percent : growth(b) - growth(a)],
  percent: ["corroded share", (a, b) => b.percent - a.percent],
  cm2: ["corroded area", (a, b) => (b.cm2 || 0) - (a.cm2 || 0)],
  iso: ["degree", (a, b) => b.iso - a.iso || b.percent - a.percent],
  unsure: ["confidence, lowest first", (a, b) => a.confidence - b.confidence],
  name: ["name", (a, b) => a.name.localeCompare(b.name, "en", { numeric: true })],
};
const grid = byId("grid");
const search = byId("search");
const sort = byId("sort");
const marked = byId("marked");
const changed = byId("changed");
let cards = [];
let shown = [];
let here = 0;
let stop = null;  // the one card that the tab key reaches

function plain(text) { return text.normalize("NFC").toLowerCase(); }

function makeCard(photo) {
  const item = made("li");
  const button = made("button", "card");
  button.type = "button";
  button.tabIndex = -1;
  const picture = made("img");
  picture.loading = "lazy";
  picture.decoding = "async";
  picture.width = 400;
  picture.height = 300;
  picture.alt = "Photo with its mask:";
  picture.addEventListener("error", () => { photo.lost = true; });
  picture.src = pictureOf("small", photo);
  const share = made("span", "share", `${percent(photo.percent)} corroded`);
  const line = made("span", "line");
  line.append(degree(photo.iso), share);
  const sure = [`confidence ${Math.round(100 * photo.confidence)} %`];
  if (photo.cm2 !== null) sure.unshift(squareMetres(photo.cm2));
  const from = photo.video ? `frame ${photo.video.frame} of ${photo.video.file}` : "";
  button.append(picture, made("span", "name", photo.name), line, made("span", "soft", sure.join(", ")));
  if (photo.change) button.append(made("span", `change ${photo.change}`, changeInWords(photo)));
  if (from) button.append(made("span", "soft", from));
  button.append(made("span", "mark"), made("span", "note-line"));
  button.addEventListener("click", () => { moveTo(shown.indexOf(photo), false); openViewer(photo); });
  item.append(button);
  return item;
}

function cardOf(photo) { return cards[photo.index]; }

function showPhotoMark(photo) {
  const card = cardOf(photo);
  const mark = markOf(photo);
  card.querySelector(".mark").textContent = mark ? `${SIGNS[mark]} ${mark}` : "";
  card.querySelector(".note-line").textContent = noteOf(photo);
}

function chosenDegrees() {
  return new Set(Array.from(document.querySelectorAll("#grades input:checked"), (box) => Number(box.value)));
}

function passes(photo, words, degrees) {
  if (!degrees.has(photo.iso)) return false;
  const mark = markOf(photo);
  if (marked.value && (mark || "none") !== marked.value) return false;
  if (changed.value && photo.change !== changed.value) return false;
  if (!words.length) return true;
  const text = plain(`${photo.name} ${photo.photo} ${noteOf(photo)}`);
  return words.every((word) => text.includes(word));
}

function draw() {
  const words = plain(search.value).split(/\s+/).filter(Boolean);
  const degrees = chosenDegrees();
  const at = shown[here];
  const order = ORDERS[sort.value][1];
  shown = photos.filter((photo) => passes(photo, words, degrees))
    .sort((a, b) => order(a, b) || a.index - b.index);
  const fragment = document.createDocumentFragment();
  shown.forEach((photo) => fragment.append(cardOf(photo)));
  grid.replaceChildren(fragment);
  byId("count").textContent = `${count(shown.length)} of ${several(photos.length, "photo", "photos")}`;
  byId("print-line").textContent = `${byId("count").textContent}, by ${ORDERS[sort.value][0]}${filtersInWords(degrees)}`;
  moveTo(Math.max(0, shown.indexOf(at)), false);
}

function filtersInWords(degrees) {
  const told = [];
  if (search.value.trim()) told.push(`with "${search.value.trim()}"`);
  if (degrees.size < DEGREES.length) told.push(`of degree ${Array.from(degrees, (iso) => `Ri ${iso}`).join(", ") || "none"}`);
  if (changed.value) told.push(`that count as ${changed.value}`);
  if (marked.value) told.push(marked.value === "none" ? "without a mark" : `marked ${marked.value}`);
  return told.map((part) => `; ${part}`).join("");
}

function moveTo(place, focus) {
  if (stop) stop.tabIndex = -1;
  here = Math.min(Math.max(place, 0), Math.max(shown.length - 1, 0));
  if (!shown.length) return;
  stop = cardOf(shown[here]).firstElementChild;
  stop.tabIndex = 0;
  if (focus) {
    stop.focus();
    stop.scrollIntoView({ block: "nearest" });
  }
}

function columns() { return getComputedStyle(grid).gridTemplateColumns.split(" ").length; }

function walk(event) {
  const steps = {
    ArrowRight: 1, ArrowLeft: -1, ArrowDown: columns(), ArrowUp: -columns(), Home: -here, End: shown.length - 1 - here,
  };
  if (!(event.key in steps) || event.ctrlKey || event.metaKey || event.altKey) return;
  event.preventDefault();
  moveTo(here + steps[event.key], true);
}

function setUpGrid() {
  photos.forEach((photo, index) => { photo.index = index; });
  cards = photos.map(makeCard);
  if (!data.compared) delete ORDERS.growth;
  byId("change-field").hidden = !data.compared;
  if (data.mm_per_pixel === null) delete ORDERS.cm2;
  Object.keys(ORDERS).forEach((name) => {
    const option = made("option", "", ORDERS[name][0]);
    option.value = name;
    sort.append(option);
  });
  DEGREES.forEach((iso) => {
    const label = made("label");
    const box = made("input");
    box.type = "checkbox";
    box.value = String(iso);
    box.checked = true;
    label.append(box, degree(iso));
    byId("grades").append(label);
  });
  byId("controls").addEventListener("input", draw);
  byId("controls").addEventListener("submit", (event) => event.preventDefault());
  byId("reset").addEventListener("click", showAll);
  grid.addEventListener("keydown", walk);
  grid.addEventListener("focusin", (event) => {
    const place = shown.findIndex((photo) => cardOf(photo).contains(event.target));
    if (place >= 0 && place !== here) moveTo(place, false);
  });
}

function showAll() {
  search.value = "";
  marked.value = "";
  changed.value = "";
  document.querySelectorAll("#grades input").forEach((box) => { box.checked = true; });
  draw();
}
