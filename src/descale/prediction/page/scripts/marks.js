// Marks and notes of photos, kept in the browser under this page's place and this job's settings.
const MARKS_KEY = `descale marks ${data.job} ${location.pathname}`;
const ALIKE = 0.1;  // points of the corroded share
let marks = Object.create(null);
let keeping = true;

function readMarks() {
  marks = Object.create(null);
  try {
    const kept = JSON.parse(localStorage.getItem(MARKS_KEY) || "{}");
    Object.keys(kept).forEach((name) => { marks[name] = kept[name]; });
  } catch (error) {
    keeping = false;
  }
}

function keepMarks() {
  try {
    localStorage.setItem(MARKS_KEY, JSON.stringify(marks));
    keeping = true;
  } catch (error) {
    keeping = false;
  }
}

// A mark counts for what was seen when it was given: not for another picture that has the same name now.
function isOfOther(photo) {
  const kept = marks[photo.name];
  if (!kept || !("percent" in kept)) return false;
  const otherFile = typeof kept.bytes === "number" && photo.bytes !== null && kept.bytes !== photo.bytes;
  return otherFile || kept.width !== photo.width || kept.height !== photo.height
    || Math.abs(kept.percent - photo.percent) > ALIKE;
}

function keptOf(photo) { return isOfOther(photo) ? {} : marks[photo.name] || {}; }

function markOf(photo) { return keptOf(photo).mark || ""; }

function noteOf(photo) { return keptOf(photo).note || ""; }

function setMark(photo, mark, note, given) {
  if (mark === markOf(photo) && note === noteOf(photo)) return;
  const time = given || new Date().toISOString().slice(0, 19) + "Z";
  const { bytes, width, height, percent } = photo;
  if (mark || note) marks[photo.name] = { mark, note, time, bytes, width, height, percent };
  else delete marks[photo.name];
  keepMarks();
  showPhotoMark(photo);
  showMarksCount();
}

function showMarksCount() {
  const numbers = MARKS.map((mark) => `${photos.filter((photo) => markOf(photo) === mark).length} ${mark}`);
  const notes = photos.filter(noteOf).length;
  const others = photos.filter(isOfOther).length;
  byId("marks-count").textContent = `${numbers.join(", ")}, ${several(notes, "note", "notes")}`
    + (others ? `; ${several(others, "was", "were")} given to other pictures or results of these names and count no more` : "")
    + (keeping ? "" : ". This browser keeps nothing for this page: save the marks before you close it.");
}
