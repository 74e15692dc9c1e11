// What the editor decides: kept in this browser at once, given as corrections.jsonl, and read back from such a file.
// A decision is a line of that file. It has a kind (sentence, summary, reject, release) and is about a record, a
// sentence decision also about a pair of it. Drafts are texts that are being typed. Lines of a loaded file about other
// records are kept as they are, so that a download never loses them.
const Decisions = (() => {
"use strict";

const PREFIX = `tomdich ${facts.digest} `; // several reports share the browser's storage
const REMOVED = "removed"; // a decision of the last downloaded file was taken back
const FIELDS = { sentence: ["vi", "en"], summary: ["id", "text_sha256", "vi"], reject: ["id", "text_sha256"], release: ["id", "text_sha256"] };
const items = new Map(); // key → { line, saved } or { draft }
const ofRecord = new Map(); // record id → keys
let works = true; // the browser keeps what is written
let changed = () => {};

const keyOf = (kind, record, index) => JSON.stringify(index === undefined ? [kind, record.id] : [kind, record.id, index]);

function put(key, item) {
  items.set(key, item);
  const id = JSON.parse(key)[1];
  if (!ofRecord.has(id)) ofRecord.set(id, new Set());
  ofRecord.get(id).add(key);
}

function drop(key) {
  ofRecord.get(JSON.parse(key)[1])?.delete(key);
  return items.delete(key);
}

function keep(name, value) { // null: forget
  try {
    if (value === null) localStorage.removeItem(PREFIX + name);
    else localStorage.setItem(PREFIX + name, value);
    works = true;
  } catch { // a full or a forbidden storage
    works = false;
  }
}

function store(key, item) {
  put(key, item);
  keep(key, JSON.stringify(item));
  changed();
}

function remove(key) {
  const item = items.get(key);
  if (!item) return false;
  if (item.saved) keep(REMOVED, "1");
  drop(key);
  keep(key, null);
  changed();
  return true;
}

function restore() {
  try {
    for (const name of Object.keys(localStorage)) {
      if (name.startsWith(`${PREFIX}[`)) put(name.slice(PREFIX.length), JSON.parse(localStorage.getItem(name)));
    }
  } catch {
    works = false;
  }
}

const wasRemoved = () => {
  try {
    return localStorage.getItem(PREFIX + REMOVED) !== null;
  } catch {
    return false;
  }
};

const decided = () => [...items.values()].filter((item) => item.line);
const lines = () => decided().map((item) => item.line).sort((one, other) => Date.parse(one.at) - Date.parse(other.at));
const state = () => JSON.stringify([lines(), [...items].filter(([, item]) => !item.line).sort()]);

// Read a corrections file: all of it or, where a line is not one of ours, nothing of it.
function load(text, records) {
  const found = text.replace(/^\ufeff/, "").split("\n").flatMap((line, at) => (line.trim() ? [parsed(line, at + 1)] : []));
  const clean = state() === before;
  let [here, elsewhere, older] = [0, 0, 0];
  for (const line of found) {
    const key = keyOfLine(line, records);
    const known = items.get(key);
    if (JSON.parse(key)[0] === "other") elsewhere += 1;
    else here += 1;
    if (known?.line && Date.parse(known.line.at) > Date.parse(line.at)) older += 1;
    else {
      put(key, { line, saved: true });
      keep(key, JSON.stringify({ line, saved: true }));
    }
  }
  if (clean) before = state();
  changed();
  return { here, elsewhere, older };
}

function parsed(text, number) {
  let line = null;
  try {
    line = JSON.parse(text);
  } catch { /* said below */ }
  const kind = line?.action ?? "sentence";
  if (typeof line !== "object" || line === null || Array.isArray(line) || !Object.hasOwn(FIELDS, kind)) throw new Error(`line ${number} is not a correction`);
  const missing = [...FIELDS[kind], "by", "at"].find((name) => typeof line[name] !== "string" || !line[name].trim());
  if (missing) throw new Error(`line ${number} has no “${missing}”`);
  if (Number.isNaN(Date.parse(line.at))) throw new Error(`line ${number}: “at” is no time`);
  return line;
}

const spaced = (text) => text.normalize("NFC").split(/\s+/).filter(Boolean).join(" ");

function keyOfLine(line, records) {
  const record = records.get(line.id);
  if (record && line.action && line.action !== "sentence" && line.text_sha256 === record.sha) return keyOf(line.action, record);
  if (record && (line.action ?? "sentence") === "sentence") {
    const same = record.pairs.filter((pair) => pair[2] !== null && spaced(pair[0]) === spaced(line.vi));
    const pair = same.find((one) => one[2] === line.index) || same[0];
    if (pair) return keyOf("sentence", record, pair[2]);
  }
  return JSON.stringify(["other", JSON.stringify(line)]);
}

// All of it as the text of a file; it counts as saved from now on.
function file() {
  const text = lines().map((line) => JSON.stringify(line) + "\n").join("");
  for (const [key, item] of items) {
    if (!item.line) continue;
    item.saved = true;
    keep(key, JSON.stringify(item));
  }
  keep(REMOVED, null);
  before = state();
  changed();
  return text;
}

// Another tab with this report
addEventListener("storage", (event) => {
  if (!event.key?.startsWith(`${PREFIX}[`)) return;
  const key = event.key.slice(PREFIX.length);
  if (event.newValue === null) drop(key);
  else put(key, JSON.parse(event.newValue));
  changed(JSON.parse(key)[1]);
});

restore();
let before = state(); // what was there when the page opened, or at the last download

return {
  decision: (kind, record, index) => items.get(keyOf(kind, record, index))?.line,
  draft: (record, index) => items.get(keyOf("draft", record, index))?.draft,
  decide: (kind, record, index, line) => store(keyOf(kind, record, index), { line, saved: false }),
  setDraft: (record, index, text) => store(keyOf("draft", record, index), { draft: text }),
  undo: (kind, record, index) => remove(keyOf(kind, record, index)),
  dropDraft: (record, index) => remove(keyOf("draft", record, index)),
  of: (record) => [...(ofRecord.get(record.id) || [])].map((key) => JSON.parse(key)[0]),
  count: () => decided().length,
  drafts: () => items.size - decided().length,
  waiting: () => decided().some((item) => !item.saved) || wasRemoved(), // for a download
  unsaved: () => state() !== before, // since the page was opened, or the last download
  works: () => works,
  onChange: (action) => { changed = action; },
  load,
  file,
};
})();
