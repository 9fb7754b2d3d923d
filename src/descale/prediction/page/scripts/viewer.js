// One photo, large: the mask as a layer, zoom, patches, mark and note.
const viewer = byId("viewer");
const stage = byId("stage");
const layers = byId("layers");
const large = byId("large");
const mask = byId("mask");
const box = byId("box");
const MOST = 16;
let current = null;
let side = null;  // what is shown of it: itself, or its width and height in the earlier job
let view = { fit: 1, zoom: 1, x: 0, y: 0 };
const opacities = { filled: 50, outline: 100 };
const pointers = new Map();

function openViewer(photo) {
  current = photo;
  if (!viewer.open) viewer.showModal();
  byId("viewer-name").textContent = photo.name;
  closeWay(byId("previous"), shown.indexOf(photo) <= 0);
  closeWay(byId("next"), shown.indexOf(photo) >= shown.length - 1);
  document.querySelector('#time input[value="now"]').checked = true;
  byId("time").hidden = !(data.earlier !== null && photo.before);
  showTime();
  box.hidden = true;
  showFacts(photo);
  showMark();
  tellPlace();
  byId("note").value = noteOf(photo);
  byId("panel").scrollTop = 0;
  [-1, 1].map((step) => shown[shown.indexOf(photo) + step]).filter(Boolean)
    .forEach((near) => { new Image().src = pictureOf("large", near); });
}

// A button that is disabled while it has the focus would drop it out of the viewer.
function closeWay(button, closed) {
  if (closed && document.activeElement === button) stage.focus();
  button.disabled = closed;
}

function showTime() {
  const time = document.querySelector("#time input:checked").value;
  byId("lost").hidden = true;
  box.hidden = true;
  side = time === "before" ? current.before : current;
  [large, mask].forEach((picture) => picture.removeAttribute("src"));  // never one photo under another's mask
  large.src = pictureOf("large", current, time);
  mask.src = pictureOf("masks", current, time);
  large.alt = `The photo ${current.name}${time === "before" ? ", of the earlier job" : ""}`;
  mask.alt = `Its mask: ${percent(side.percent)} of the picture is marked as corroded, in ${several(side.patches, "patch", "patches")}`;
  fit();
}

function otherTime() {
  if (byId("time").hidden) return;
  document.querySelector("#time input:not(:checked)").checked = true;
  showTime();
}

function showFacts(photo) {
  const grade = byId("viewer-grade");
  const rest = `ASTM D610 grade ${photo.astm}, over the ${photo.rated_over}`;
  grade.replaceChildren(degree(photo.iso), made("span", "", ` of 5 (ISO 4628-3); ${rest}`));
  const facts = [["corroded", `${percent(photo.percent)} of the picture`], ["corroded area", area(photo.pixels)]];
  if (photo.change) facts.push(["change", changeInWords(photo)]);
  if (photo.before) facts.push(["patches before", count(photo.before.patches)]);
  if (photo.percent_of_metal !== null) facts.push(["of the metal", percent(photo.percent_of_metal)]);
  data.classes.forEach((entry, id) => {
    if (data.classes.length > 2) facts.push([`class ${entry.name}`, percent(photo.classes[id])]);
  });
  facts.push(["mean confidence", `${Math.round(100 * photo.confidence)} %`]);
  facts.push(["photo", `${photo.width} x ${photo.height} pixels, seen at ${Math.round(1000 * photo.scale) / 10} % of its size`]);
  facts.push(["file", photo.photo]);
  if (photo.position) facts.push(["position", photo.position.map((value) => value.toFixed(6)).join(", ")]);
  fillFacts(byId("facts"), facts);
  const body = document.querySelector("#patches tbody");
  body.replaceChildren();
  photo.listed.forEach((patch, number) => {
    const row = made("tr");
    const show = made("button", "", `${number + 1} show`);
    show.type = "button";
    show.setAttribute("aria-label", `Show patch ${number + 1}`);
    show.addEventListener("click", () => showPatch(patch));
    const first = made("td");
    first.append(show);
    row.append(first, made("td", "", area(patch[4])), made("td", "", `${patch[2]} x ${patch[3]}`));
    body.append(row);
  });
  byId("patches").hidden = !photo.listed.length;
  const others = photo.patches - photo.listed.length;
  const left = photo.pixels - photo.listed.reduce((sum, patch) => sum + patch[4], 0);
  byId("patches-rest").textContent = !photo.patches ? "None."
    : others ? `and ${several(others, "smaller one", "smaller ones")}, ${area(Math.max(0, left))} together` : "";
}

function step(by) {
  const next = shown[shown.indexOf(current) + by];
  if (!next) return;
  openViewer(next);
  moveTo(shown.indexOf(next), false);
}

// The picture is laid out at the size that fits; zoom and place are one transform.
function fit() {
  const room = stage.getBoundingClientRect();
  const scale = Math.min(room.width / side.width, room.height / side.height);
  layers.style.width = `${side.width * scale}px`;
  layers.style.height = `${side.height * scale}px`;
  view = { fit: scale, zoom: 1, x: (room.width - side.width * scale) / 2, y: (room.height - side.height * scale) / 2 };
  place();
}

function place() {
  const room = stage.getBoundingClientRect();
  [["x", room.width, side.width], ["y", room.height, side.height]].forEach(([axis, space, length]) => {
    const size = length * view.fit * view.zoom;
    view[axis] = size <= space ? (space - size) / 2 : Math.min(0, Math.max(space - size, view[axis]));
  });
  layers.style.transform = `translate(${view.x}px, ${view.y}px) scale(${view.zoom})`;
  layers.style.setProperty("--line", `${2 / view.zoom}px`);
  ["outer", "inner"].forEach((id) => byId(id).setAttribute("radius", String(1.5 / view.zoom)));
  const zoom = `${Math.round(100 * view.zoom)} %`;
  if (byId("zoom-told").textContent !== zoom) byId("zoom-told").textContent = zoom;  // it is read aloud
}

function zoomTo(zoom, x, y) {
  const room = stage.getBoundingClientRect();
  const [px, py] = x === undefined ? [room.width / 2, room.height / 2] : [x - room.left, y - room.top];
  const wanted = Math.min(MOST, Math.max(1, zoom));
  view.x = px - (px - view.x) * wanted / view.zoom;
  view.y = py - (py - view.y) * wanted / view.zoom;
  view.zoom = wanted;
  place();
}

function showPatch(patch) {
  if (side !== current) otherTime();
  const [left, top, width, height] = patch;
  box.hidden = false;
  box.style.left = `${100 * left / side.width}%`;
  box.style.top = `${100 * top / side.height}%`;
  box.style.width = `${100 * width / side.width}%`;
  box.style.height = `${100 * height / side.height}%`;
  const room = stage.getBoundingClientRect();
  const near = 0.5 * Math.min(room.width / (width * view.fit), room.height / (height * view.fit));
  view.zoom = Math.min(8, Math.max(1, near));
  view.x = room.width / 2 - (left + width / 2) * view.fit * view.zoom;
  view.y = room.height / 2 - (top + height / 2) * view.fit * view.zoom;
  place();
}

function layer() { return document.querySelector('#layer input:checked').value; }

function showLayer() {
  if (layer() in opacities) byId("opacity").value = String(opacities[layer()]);
  byId("opacity").disabled = !(layer() in opacities);
  mask.hidden = layer() === "off";
  mask.classList.toggle("outlined", layer() === "outline");
  mask.style.opacity = String(byId("opacity").value / 100);
  byId("opacity-told").textContent = `${byId("opacity").value} %`;
}

function setOpacity(value) {
  if (layer() in opacities) opacities[layer()] = Math.min(100, Math.max(0, value));
  showLayer();
}

function nextLayer() {
  const choices = Array.from(document.querySelectorAll("#layer input"));
  choices[(choices.findIndex((choice) => choice.checked) + 1) % choices.length].checked = true;
  showLayer();
}

function showMark() {
  document.querySelectorAll("#mark button").forEach((button) => {
    button.setAttribute("aria-pressed", String(button.value === markOf(current)));
  });
}

function markCurrent(mark) {
  setMark(current, mark, noteOf(current));
  showMark();
  tellPlace();
}

function tellPlace() {
  const place = shown.indexOf(current) + 1;
  byId("viewer-place").textContent = place ? `${place} of ${shown.length}` : "";
  byId("viewer-told").textContent = `${current.name}, ${place} of ${shown.length}, Ri ${current.iso}, ${markOf(current) || "no mark"}`;
}

function dragged(event) {
  const before = pointers.get(event.pointerId);
  if (!before) return;
  const now = { x: event.clientX, y: event.clientY };
  if (pointers.size === 2) {
    const other = Array.from(pointers.entries()).find(([id]) => id !== event.pointerId)[1];
    const distance = (point) => Math.hypot(point.x - other.x, point.y - other.y) || 1;
    zoomTo(view.zoom * distance(now) / distance(before), (now.x + other.x) / 2, (now.y + other.y) / 2);
  } else {
    view.x += now.x - before.x;
    view.y += now.y - before.y;
    place();
  }
  pointers.set(event.pointerId, now);
}

function viewerKey(event) {
  const move = { ArrowLeft: [60, 0], ArrowRight: [-60, 0], ArrowUp: [0, 60], ArrowDown: [0, -60] }[event.key];
  if (move && event.shiftKey) {
    view.x += move[0];
    view.y += move[1];
    place();
  } else if (event.key === "ArrowLeft") step(-1);
  else if (event.key === "ArrowRight") step(1);
  else if (event.key === "+" || event.key === "=") zoomTo(view.zoom * 1.5);
  else if (event.key === "-") zoomTo(view.zoom / 1.5);
  else if (event.key === "f") fit();
  else if (event.key === "m") nextLayer();
  else if (event.key === "b") otherTime();
  else if (event.key === "[") setOpacity(Number(byId("opacity").value) - 10);
  else if (event.key === "]") setOpacity(Number(byId("opacity").value) + 10);
  else if (event.key === "n") byId("note").focus();
  else return false;
  return true;
}

function showLegend() {
  data.classes.slice(1).forEach((entry) => {
    const item = made("li");
    const chip = made("span", "chip");
    chip.style.background = `rgb(${entry.colour.join(" ")})`;
    item.append(chip, entry.name + (entry.corrosion ? "" : ", not counted as corrosion"));
    byId("legend").append(item);
  });
}

function setUpViewer() {
  showLegend();
  ["", ...MARKS].forEach((mark, number) => {
    const button = made("button", "", mark ? `${SIGNS[mark]} ${mark}` : "no mark");
    button.type = "button";
    button.value = mark;
    button.title = `key ${number}`;
    button.addEventListener("click", () => markCurrent(mark));
    byId("mark").append(button);
  });
  byId("note").addEventListener("input", () => setMark(current, markOf(current), byId("note").value));
  byId("time").addEventListener("input", showTime);
  byId("layer").addEventListener("input", showLayer);
  byId("opacity").addEventListener("input", () => setOpacity(Number(byId("opacity").value)));
  byId("previous").addEventListener("click", () => step(-1));
  byId("next").addEventListener("click", () => step(1));
  byId("close").addEventListener("click", () => viewer.close());
  byId("zoom-in").addEventListener("click", () => zoomTo(view.zoom * 1.5));
  byId("zoom-out").addEventListener("click", () => zoomTo(view.zoom / 1.5));
  byId("fit").addEventListener("click", fit);
  [large, mask].forEach((picture) => picture.addEventListener("error", () => {
    byId("lost").textContent = side === current
      ? "page/ with the pictures is not beside this page. Keep them together."
      : "The earlier results are no longer where they were when this page was made.";
    byId("lost").hidden = false;
  }));
  stage.addEventListener("wheel", (event) => {
    event.preventDefault();
    zoomTo(view.zoom * Math.exp(-event.deltaY / 400), event.clientX, event.clientY);
  }, { passive: false });
  stage.addEventListener("dblclick", (event) => view.zoom > 1 ? fit() : zoomTo(3, event.clientX, event.clientY));
  stage.addEventListener("pointerdown", (event) => {
    stage.setPointerCapture(event.pointerId);
    pointers.set(event.pointerId, { x: event.clientX, y: event.clientY });
  });
  stage.addEventListener("pointermove", dragged);
  ["pointerup", "pointercancel", "lostpointercapture"].forEach((kind) => {
    stage.addEventListener(kind, (event) => pointers.delete(event.pointerId));
  });
  viewer.addEventListener("close", () => {
    const place = shown.indexOf(current);
    draw();  // a mark or a note may have taken photos out of what is filtered
    moveTo(shown.includes(current) ? shown.indexOf(current) : place, true);
  });
  window.addEventListener("resize", () => { if (viewer.open) fit(); });
  showLayer();
}
