// Data, and numbers as words. All text reaches the page as text, never as markup.
const data = JSON.parse(document.getElementById("data").textContent);
const photos = data.photos;
const MARKS = ["right", "wrong", "look again"];
const SIGNS = { "right": "✓", "wrong": "✗", "look again": "↻" };
const DEGREES = [0, 1, 2, 3, 4, 5];

function byId(id) { return document.getElementById(id); }

function made(tag, name, text) {
  const element = document.createElement(tag);
  if (name) element.className = name;
  if (text !== undefined) element.textContent = text;
  return element;
}

function percent(value) {
  if (value === null) return "–";
  if (value > 0 && value < 0.01) return "< 0.01 %";
  if (value === 0) return "0 %";
  return `${value.toFixed(value < 1 ? 2 : 1)} %`;
}

const thousands = new Intl.NumberFormat("en", { maximumFractionDigits: 0 });

function count(value) { return thousands.format(value); }

function several(number, one, many) { return `${count(number)} ${number === 1 ? one : many}`; }

function squareMetres(cm2) {
  if (cm2 > 0 && cm2 < 0.01) return "< 0.01 cm²";
  if (cm2 >= 10000) return `${(cm2 / 10000).toFixed(2)} m²`;
  return `${cm2 > 0 && cm2 < 10 ? cm2.toFixed(2) : count(cm2)} cm²`;
}

function area(pixels) {
  const side = data.mm_per_pixel;
  return side === null ? `${count(pixels)} px` : `${squareMetres(pixels * side * side / 100)} (${count(pixels)} px)`;
}

function pictureOf(kind, photo, time) {
  const at = time === "before" ? photo.before.address : photo.address;
  const place = `page/${kind}/${at}${data.pictures[`page/${kind}`]}`;
  return time === "before" ? `${data.earlier}/${place}` : place;
}

function points(photo) { return photo.before ? photo.percent - photo.before.percent : null; }

function changeInWords(photo) {
  if (!photo.before) return "new: no photo of this name in the earlier job";
  const by = points(photo);
  const before = `before ${percent(photo.before.percent)}, Ri ${photo.before.iso}`;
  if (photo.change === "same") return `= about the same (${before})`;
  const grew = photo.change === "grew";
  if (by === 0 || (by > 0) !== grew) return `${grew ? "▲ worse" : "▼ better"} by its degree (${before})`;
  const size = Math.abs(by) < 0.01 ? "less than 0.01" : Math.abs(by).toFixed(Math.abs(by) < 1 ? 2 : 1);
  return `${grew ? "▲ grew by" : "▼ shrank by"} ${size} points (${before})`;
}

// A degree is told by its number and by a pattern that grows denser, besides its tint.
function degree(iso) {
  const badge = made("span", `degree g${iso}`);
  const swatch = made("span", "swatch");
  swatch.setAttribute("aria-hidden", "true");
  badge.append(swatch, made("b", "", `Ri ${iso}`));
  return badge;
}

function fillFacts(list, pairs) {
  list.replaceChildren();
  pairs.forEach(([name, value]) => {
    const group = made("div");
    group.append(made("dt", "", name), made("dd", "", value));
    list.append(group);
  });
}
