// Marks and notes of photos, kept in the browser under this page's place and this job's settings.
const MARKS_KEY = `descale marks ${data.job} ${location.pathname}`;
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

function markOf(photo) { return (marks[photo.name] || {}).mark || ""; }

function noteOf(photo) { return (marks[photo.name] || {}).note || ""; }

function setMark(photo, mark, note) {
  if (mark === markOf(photo) && note === noteOf(photo)) return;
  if (mark || note) marks[photo.name] = { mark, note, time: new Date().toISOString().slice(0, 19) + "Z" };
  else delete marks[photo.name];
  keepMarks();
  showPhotoMark(photo);
  showMarksCount();
}

function showMarksCount() {
  const numbers = MARKS.map((mark) => `${photos.filter((photo) => markOf(photo) === mark).length} ${mark}`);
  const notes = photos.filter(noteOf).length;
  byId("marks-count").textContent = `${numbers.join(", ")}, ${several(notes, "note", "notes")}`
    + (keeping ? "" : ". This browser keeps nothing for this page: save the marks before you close it.");
}
