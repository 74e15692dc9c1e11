// The page: draws the rows in view and the record that is open, follows keys and links, keeps the editor's decisions.
(() => {
"use strict";

const ROW = 104; // pixels: the height of .row in report.css
const SPARE = 8; // rows drawn above and below those in view
const PRINTED = 300; // records on the printed sheet
const $ = (id) => document.getElementById(id);
const { SEVERITY, clip, el, plain, plural, write, writeMarked } = Text;
const pageTitle = document.title;
const narrow = matchMedia("(max-width: 719px)");
const calm = matchMedia("(prefers-reduced-motion: reduce)");

// Records

function say(text) {
  $("said").textContent = text;
}

const records = []; // of every page read so far, those on hold first
const byId = new Map();
const openedPages = new Map(); // page number → its articles, the last few looked at

async function articleOf(record) {
  let found = openedPages.get(record.page);
  if (!found) {
    found = Pages.articles(record.page);
    openedPages.set(record.page, found);
    if (openedPages.size > 4) openedPages.delete(openedPages.keys().next().value);
    found.catch(() => openedPages.delete(record.page));
  }
  return (await found)[record.at];
}

function take(rows, number) {
  rows.forEach((record, at) => {
    record.page = number;
    record.at = at;
    record.weight = record.flags.reduce((sum, flag) => sum + 100 ** ((SEVERITY[flag.severity] || 2) - 1), 0);
    record.flags.forEach((flag, index) => { flag.number = index; });
    records.push(record);
    if (!byId.has(record.id)) byId.set(record.id, record);
  });
}

const addressOf = (record) => `#r=${encodeURIComponent(record.id)}`;
const titleOf = (record) => record.pairs.find((pair) => pair[2] === -1) || ["", "", -1];
const nameOf = (record) => plain(titleOf(record)[1] || titleOf(record)[0] || record.id) || "untitled";

// Search: without marks, đ as d, every word somewhere; what is quoted stands together

const fold = (text) => text.normalize("NFD").replace(/\p{M}/gu, "").toLowerCase().replace(/đ/g, "d");

function searched(record) {
  return (record.folded ??= fold([record.id, record.origin, ...record.pairs.map((pair) => `${pair[0]}\n${pair[1]}`)].join("\n")));
}

let shown = []; // the records that pass the filters, sorted
let open = null;

const sorts = {
  hold: (a, b) => b.hold - a.hold || a.order - b.order,
  order: (a, b) => a.order - b.order,
  flags: (a, b) => b.weight - a.weight || a.order - b.order,
  longest: (a, b) => b.words - a.words || a.order - b.order,
  shortest: (a, b) => a.words - b.words || a.order - b.order,
};

function filter() {
  const words = (fold($("search").value).replace(/[“”]/g, '"').match(/"[^"]*"?|[^\s"]+/g) || []).map((word) => word.replaceAll('"', "").trim());
  const [check, severity, origin] = ["check", "severity", "origin"].map((id) => $(id).value);
  const name = check.startsWith("check ") ? check.slice(6) : null;
  shown = records.filter((record) =>
    (check !== "hold" || record.hold)
    && (check !== "decided" || record.pairs.some((pair) => decisions.has(key(record, pair))))
    && (!(severity || name || check === "any") || record.flags.some((flag) => (!severity || flag.severity === severity) && (!name || flag.check === name)))
    && (!origin || record.origin === origin)
    && words.every((word) => searched(record).includes(word)));
  shown.sort(sorts[$("sort").value]);
  $("count").textContent = shown.length === records.length ? plural(records.length, "record")
    : `${shown.length.toLocaleString("en")} of ${plural(records.length, "record")}`;
  $("rows").style.height = `${shown.length * ROW}px`;
  drawRows(true);
  drawPosition();
}

function filterAnew() {
  $("list").scrollTop = 0;
  filter();
}

// The list: only the rows in view are in the page

const drawn = new Map(); // row number → its element

function drawRows(anew) {
  const list = $("list");
  const first = Math.max(0, Math.floor(list.scrollTop / ROW) - SPARE);
  const last = Math.min(shown.length, Math.ceil((list.scrollTop + list.clientHeight) / ROW) + SPARE);
  if (anew) {
    drawn.clear();
    $("rows").replaceChildren(...(shown.length ? [] : [el("p", { className: "quiet empty" }, "No record is like that.")]));
  }
  for (const [number, element] of drawn) {
    if (number >= first && number < last) continue;
    element.remove();
    drawn.delete(number);
  }
  for (let number = first; number < last; number++) {
    if (!drawn.has(number)) drawn.set(number, $("rows").appendChild(row(shown[number], number)));
  }
  if (open && shown.includes(open)) list.setAttribute("aria-activedescendant", `row-${open.order}`);
  else list.removeAttribute("aria-activedescendant");
}

function row(record, number) {
  const [title, headline] = titleOf(record);
  const severities = Object.keys(SEVERITY).map((name) => [name, record.flags.filter((flag) => flag.severity === name).length]);
  const decided = record.pairs.filter((pair) => decisions.has(key(record, pair))).length;
  const element = el("div", {
    className: "row", role: "option", id: `row-${record.order}`,
    "aria-selected": String(record === open), "aria-setsize": String(shown.length), "aria-posinset": String(number + 1),
  },
    write(el("p", { className: "row-headline", lang: headline ? "en" : "vi", dir: "auto" }), clip(headline || title || record.id)),
    write(el("p", { className: "row-title", lang: "vi", dir: "auto" }), clip(headline ? title : record.pairs.find((pair) => pair[2] !== -1)?.[0] || "")),
    el("p", { className: "row-about" },
      record.hold && el("span", { className: "badge error" }, "Hold"),
      ...severities.filter(([, count]) => count).map(([name, count]) => el("span", { className: `tag ${name}` }, plural(count, name))),
      decided > 0 && el("span", { className: "tag done" }, `${decided} checked`),
      write(el("bdi", {}), clip(record.origin))));
  element.style.top = `${number * ROW}px`;
  element.addEventListener("click", () => show(record, { read: true }));
  return element;
}

function reveal(record) {
  const number = shown.indexOf(record);
  const list = $("list");
  if (number < 0) return;
  if (number * ROW < list.scrollTop) list.scrollTop = number * ROW;
  else if ((number + 1) * ROW > list.scrollTop + list.clientHeight) list.scrollTop = (number + 1) * ROW - list.clientHeight;
}

function step(by) {
  const at = shown.indexOf(open);
  const next = shown[at < 0 ? 0 : at + by];
  if (next) show(next, { read: $("panes").classList.contains("reading") });
  else say(by > 0 ? "That was the last record." : "That was the first record.");
}

// The record

let sentence = 0; // which pair of the open record the keys act on

function show(record, { read = false, quiet = false } = {}) {
  if (record === open && !narrow.matches) return;
  open = record;
  sentence = record.pairs.findIndex((pair) => pair[2] !== null);
  flagShown = -1;
  if (read) $("panes").classList.add("reading");
  drawRecord();
  reveal(record);
  drawRows(true);
  $("record").scrollTop = 0;
  if (quiet) return;
  history.replaceState(null, "", addressOf(record));
  document.title = `${clip(nameOf(record))} · ${pageTitle}`;
  if (narrow.matches) $("record").scrollIntoView();
  else {
    const desk = $("desk").getBoundingClientRect();
    if (desk.top > 8 || desk.top < -8) $("desk").scrollIntoView({ behavior: calm.matches ? "auto" : "smooth" });
  }
}

function spansOf(record, slot) {
  return record.flags.flatMap((flag) => flag.spans.filter((span) => span[0] === slot).map(([, start, end]) => [start, end, flag]));
}

function drawPosition() {
  const place = $("position");
  if (!place || !open) return;
  const at = shown.indexOf(open);
  place.textContent = at < 0 ? "not in this list" : `${(at + 1).toLocaleString("en")} of ${shown.length.toLocaleString("en")}`;
}

function drawRecord() {
  const record = open;
  const source = el("section", { className: "source", "aria-label": "Article" }, el("p", { className: "quiet" }, "Reading the article…"));
  const work = el("section", { className: "work", "aria-label": "Summary and translation" },
    el("nav", { className: "steps", "aria-label": "Between records" },
      el("button", { type: "button", className: "back", onclick: back }, "‹ All records"),
      el("span", { className: "quiet", id: "position" }),
      el("button", { type: "button", onclick: () => step(-1), "aria-label": "Previous record", "aria-keyshortcuts": "k" }, "↑"),
      el("button", { type: "button", onclick: () => step(1), "aria-label": "Next record", "aria-keyshortcuts": "j" }, "↓")),
    about(record), flagList(record), pairTable(record));
  $("record").replaceChildren(work, source);
  $("record").setAttribute("aria-label", clip(nameOf(record)));
  drawPosition();
  articleOf(record).then((opened) => { if (open === record) drawArticle(source, record, opened); },
    (error) => source.replaceChildren(el("h3", {}, "Article"),
      el("p", { className: "quiet" }, `The article cannot be read: ${error.message}. Keep the folder ${facts.folder} beside report.html.`)));
}

function about(record) {
  const link = /^https?:\/\//i.test(record.url) ? el("a", { href: record.url, target: "_blank", rel: "noopener noreferrer" }, "Original") : record.url && write(el("bdi", {}), record.url);
  const date = /^\d{4}-\d\d-\d\d(T\d\d:\d\d)?/.exec(record.published);
  const parts = [write(el("bdi", {}), record.origin), date ? date[0].replace("T", " ") : record.published && write(el("bdi", {}), record.published), link];
  return el("p", { className: "about" }, record.hold && el("span", { className: "badge error" }, "Hold"),
    ...parts.filter(Boolean).map((part) => el("span", {}, part)),
    el("span", { className: "path", title: plain(record.source) }, write(el("bdi", {}), record.source.split("/").slice(-2).join("/"))),
    el("a", { href: addressOf(record), title: plain(record.id) }, "Link to this record"));
}

function flagList(record) {
  if (!record.flags.length) return el("p", { className: "quiet none" }, "No flags on this record.");
  const order = [...record.flags].sort((a, b) => (SEVERITY[b.severity] || 2) - (SEVERITY[a.severity] || 2));
  return el("ol", { className: "flags", "aria-label": plural(record.flags.length, "flag") }, ...order.map((flag) =>
    el("li", {}, el("button", { type: "button", className: `flag ${flag.severity}`, "data-flag": String(flag.number), onclick: () => showFlag(flag) },
      el("span", { className: "flag-check" }, flag.check.replaceAll("_", " ")),
      el("span", { className: "flag-text" },
        write(el("span", { dir: "auto" }), flag.message),
        (flag.expected || flag.found) && el("span", { className: "readings" },
          flag.expected && (flag.found ? "" : "expected "), flag.expected && write(el("bdi", {}), flag.expected),
          flag.found && (flag.expected ? " → " : "found "), flag.found && write(el("bdi", {}), flag.found))),
      el("span", { className: "flag-where" }, `${flag.severity} · ${{ title_translation: "headline" }[flag.field] || flag.field}`)))));
}

function pairTable(record) {
  const table = el("div", { className: "pairs" }, el("div", { className: "pair-heads", "aria-hidden": "true" }, el("span", {}, "Vietnamese"), el("span", {}, "English")));
  const total = record.pairs.filter((pair) => pair[2] >= 0 && pair[2] !== null).length;
  record.pairs.forEach((pair, number) => {
    const [vi, en, index] = pair;
    const headline = index === -1;
    const name = headline ? "Headline" : index === null ? "Not translated" : `Sentence ${index + 1} of ${total}`;
    const element = el("div", { className: headline ? "pair headline" : "pair", id: `pair-${number}`, role: "group", tabIndex: 0, "aria-label": name },
      writeMarked(el(headline ? "h3" : "p", { lang: "vi", dir: "auto", className: "vi" }), vi, spansOf(record, headline ? "title" : `vi${number}`)),
      el("div", { className: "en" }));
    element.addEventListener("focusin", () => { sentence = number; showOrigin(vi); });
    element.addEventListener("mouseenter", () => showOrigin(vi));
    table.append(element);
    drawEnglish(record, number, element);
  });
  return table;
}

function drawEnglish(record, number, element = $(`pair-${number}`)) {
  const pair = record.pairs[number];
  const [, en, index] = pair;
  const headline = index === -1;
  const cell = element.querySelector(".en");
  const tag = headline ? "h3" : "p";
  const decision = decisions.get(key(record, pair));
  const machine = el(tag, { lang: "en", dir: "auto" });
  if (en) writeMarked(machine, en, spansOf(record, headline ? "headline" : `en${number}`));
  else machine.append(el("span", { className: "quiet" }, index === null ? "not given to the translator" : "nothing came back"));
  const buttons = el("p", { className: "buttons" });
  const button = (label, shortcut, action) => el("button", { type: "button", "aria-keyshortcuts": shortcut, onclick: () => { sentence = number; action(); } }, label);
  element.classList.toggle("decided", Boolean(decision));
  if (decision) {
    const accepted = decision.en === decision.machine;
    cell.replaceChildren(...(accepted ? [machine] : [write(el(tag, { lang: "en", dir: "auto", className: "own" }), decision.en),
      el("div", { className: "machine" }, el("span", { className: "quiet" }, "The machine wrote"), machine)]), buttons);
    buttons.append(write(el("span", { className: "by" }, accepted ? "✓ Accepted by " : "✎ Corrected by "), decision.by), button("Change", "e", edit), button("Undo", "u", undo));
  } else {
    cell.replaceChildren(machine, buttons);
    if (mayDecide(pair)) buttons.append(en ? button("Accept", "a", accept) : "", button("Correct", "e", edit));
  }
}

function drawArticle(source, record, { article, aside, references }) {
  const body = el("div", { className: "body", lang: "vi" });
  const spans = spansOf(record, "article");
  let at = 0;
  for (const line of article.split("\n")) {
    const end = at + line.length;
    const here = spans.filter(([start, stop]) => start <= end && stop >= at && (start < end || stop > at || start === stop))
      .map(([start, stop, flag]) => [Math.max(start - at, 0), Math.min(stop - at, line.length), flag])
      .filter(([start, stop, flag]) => start < stop || flag.spans.some((span) => span[0] === "article" && span[1] === span[2]));
    if (line.trim() || here.length) body.append(writeMarked(el("p", { dir: "auto" }), line, here));
    at = end + 1;
  }
  source.replaceChildren(el("h3", {}, "Article ", el("span", { className: "quiet" }, plural(record.words, "word"))), body);
  [["Reference summary", "vi"], ["Reference translation", "en"]].forEach(([label, lang], number) => {
    if (references[number]) source.append(el("h4", {}, label), write(el("p", { lang, dir: "auto" }), references[number]));
  });
  if (aside.length) {
    source.append(el("details", { className: "aside" }, el("summary", {}, `${plural(aside.length, "line")} of the page set aside`),
      el("ul", { className: "plain" }, ...aside.map(([kind, text]) => el("li", {}, el("span", { className: "quiet" }, `${kind.replaceAll("_", " ")}: `), write(el("bdi", { lang: "vi" }), text))))));
  }
}

// Where the summary took a sentence from the article as it stands, light it up there, without touching the text.
function showOrigin(text) {
  if (!CSS.highlights) return;
  CSS.highlights.delete("origin");
  for (const line of $("record").querySelectorAll(".body p")) {
    const start = line.textContent.indexOf(text);
    if (start < 0 || !text) continue;
    const range = new Range();
    const walk = document.createTreeWalker(line, NodeFilter.SHOW_TEXT);
    for (let at = 0; walk.nextNode(); at += walk.currentNode.length) {
      const [from, to] = [start - at, start + text.length - at];
      if (from >= 0 && from < walk.currentNode.length) range.setStart(walk.currentNode, from);
      if (to > 0 && to <= walk.currentNode.length) range.setEnd(walk.currentNode, to);
    }
    CSS.highlights.set("origin", new Highlight(range));
    return;
  }
}

function back() {
  $("panes").classList.remove("reading");
  drawRows(true);
  if (open) reveal(open);
  $("list").focus({ preventScroll: true });
  $("desk").scrollIntoView();
}

// Flags

let flagShown = -1;

function showFlag(flag) {
  document.querySelectorAll(".shown").forEach((element) => element.classList.remove("shown"));
  const marks = [...$("record").querySelectorAll("mark")].filter((mark) => mark.dataset.flags.split(" ").includes(String(flag.number)));
  marks.forEach((mark) => mark.classList.add("shown"));
  $("record").querySelector(`[data-flag="${flag.number}"]`).classList.add("shown");
  if (marks.length) marks[0].scrollIntoView({ block: "center", behavior: calm.matches ? "auto" : "smooth" });
  say(`${flag.check}: ${flag.message}${marks.length ? "" : " It points to no place in the text."}`);
}

function nextFlag() {
  const buttons = [...$("record").querySelectorAll("[data-flag]")];
  if (!buttons.length) return;
  flagShown = (flagShown + 1) % buttons.length;
  buttons[flagShown].click();
}

// Decisions

const decisions = new Map(); // what the editor accepted or corrected, by record and sentence
let unsaved = 0;
let editor = remembered("tomdich editor") || "";

const key = (record, pair) => JSON.stringify([record.id, pair[2]]);

function remembered(name, value) { // a page from a disk may be denied storage
  try {
    if (value !== undefined) localStorage.setItem(name, value);
    return localStorage.getItem(name);
  } catch {
    return null;
  }
}

function signed(action) {
  if (editor) action();
  else askName(action);
}

function askName(action) {
  const dialog = $("who");
  $("name").value = editor;
  dialog.returnValue = "";
  dialog.addEventListener("close", () => {
    const name = $("name").value.trim();
    if (dialog.returnValue !== "keep" || !name) return;
    editor = name;
    remembered("tomdich editor", editor);
    action?.();
    drawSaving();
  }, { once: true });
  dialog.showModal();
}

function decide(record, number, en) {
  const pair = record.pairs[number];
  decisions.set(key(record, pair), { id: record.id, index: pair[2], vi: pair[0], en, machine: pair[1], by: editor, at: new Date().toISOString() });
  unsaved += 1;
  if (record === open) drawEnglish(record, number);
  drawSaving();
  drawRows(true);
}

function drawSaving() {
  const count = decisions.size;
  $("download").disabled = !count;
  $("download").textContent = count ? `Download ${plural(count, "correction")}` : "No corrections yet";
  $("download").classList.toggle("primary", unsaved > 0);
  $("signature").hidden = !editor;
  $("signature").textContent = `Signed ${clip(editor)}`;
  $("signature").title = "Change the name";
}

function toSentence(number) {
  const element = $(`pair-${number}`);
  if (!element) return false;
  sentence = number;
  element.focus({ preventScroll: true });
  element.scrollIntoView({ block: "nearest" });
  return true;
}

const mayDecide = ([vi, , index]) => index !== null && vi.trim() !== ""; // a correction is found by its Vietnamese
const decidable = () => open?.pairs[sentence] && mayDecide(open.pairs[sentence]);

function accept() {
  const [record, number] = [open, sentence];
  if (!decidable() || !record.pairs[number][1]) return;
  signed(() => {
    decide(record, number, record.pairs[number][1]);
    say("Accepted.");
    toSentence(number + 1) || toSentence(number);
  });
}

function acceptAll() {
  const record = open;
  if (record) signed(() => {
    record.pairs.forEach((pair, number) => { if (mayDecide(pair) && pair[1] && !decisions.has(key(record, pair))) decide(record, number, pair[1]); });
    say("Every sentence of the record is accepted.");
  });
}

function undo() {
  if (!decidable() || !decisions.delete(key(open, open.pairs[sentence]))) return;
  unsaved = decisions.size;
  drawEnglish(open, sentence);
  drawSaving();
  drawRows(true);
  toSentence(sentence);
  say("Taken back.");
}

function edit() {
  if (!decidable()) return;
  const [record, number] = [open, sentence];
  const pair = record.pairs[number];
  const cell = $(`pair-${number}`).querySelector(".en");
  if (cell.querySelector("textarea")) return;
  const text = el("textarea", { lang: "en", dir: "auto", rows: 4, "aria-label": "Your sentence", value: decisions.get(key(record, pair))?.en ?? pair[1] });
  const leave = () => { drawEnglish(record, number); toSentence(number); };
  const keep = () => {
    const own = text.value.replace(/\s+/g, " ").trim();
    if (!own) return say("The sentence is empty; write one, or leave it with Esc.");
    signed(() => { decide(record, number, own); say("Kept."); toSentence(number); });
  };
  text.addEventListener("keydown", (event) => {
    if (event.key === "Escape") leave();
    else if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) keep();
    else return;
    event.preventDefault();
    event.stopPropagation();
  });
  cell.querySelector(".buttons").replaceWith(text, el("p", { className: "buttons" },
    el("button", { type: "button", className: "primary", onclick: keep }, "Keep"), el("button", { type: "button", onclick: leave }, "Leave")));
  text.focus();
  text.setSelectionRange(text.value.length, text.value.length);
}

function download() {
  const lines = [...decisions.values()].map((decision) => JSON.stringify(decision) + "\n");
  const url = URL.createObjectURL(new Blob(lines, { type: "application/x-ndjson" }));
  el("a", { href: url, download: "corrections.jsonl" }).click();
  setTimeout(() => URL.revokeObjectURL(url), 10000);
  unsaved = 0;
  drawSaving();
  say(`${plural(lines.length, "correction")} saved as corrections.jsonl.`);
}

// Keys

const keys = {
  j: () => step(1), n: () => step(1), k: () => step(-1), p: () => step(-1),
  s: () => toSentence(Math.min(sentence + 1, (open?.pairs.length ?? 1) - 1)), w: () => toSentence(Math.max(sentence - 1, 0)),
  f: nextFlag, a: accept, A: acceptAll, e: edit, u: undo,
  "/": () => { $("search").focus(); $("search").select(); }, "?": () => $("help").showModal(),
};

document.addEventListener("keydown", (event) => {
  const typing = event.target.closest("input, textarea, select, dialog");
  if (event.key === "Escape" && event.target === $("search")) { $("search").blur(); return; }
  if (event.ctrlKey || event.metaKey || event.altKey || typing || !$("keys").checked || !Object.hasOwn(keys, event.key)) return;
  event.preventDefault();
  keys[event.key]();
});

$("list").addEventListener("keydown", (event) => {
  const jump = { ArrowDown: 1, ArrowUp: -1, PageDown: 8, PageUp: -8, Home: -shown.length, End: shown.length }[event.key];
  if (event.key === "Enter" && open) { $("panes").classList.add("reading"); $("record").focus(); return; }
  if (!jump || !shown.length) return;
  event.preventDefault();
  const at = Math.min(Math.max(shown.indexOf(open) + jump, 0), shown.length - 1);
  show(shown[at]);
});

// Theme

function theme(choice) {
  if (choice) document.documentElement.dataset.theme = choice;
  const dark = (choice || (matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light")) === "dark";
  $("theme").textContent = dark ? "Light" : "Dark";
  $("theme").onclick = () => theme(remembered("tomdich theme", dark ? "light" : "dark") || (dark ? "light" : "dark"));
}

// Printing: the records of the list, as far as a sheet is useful, without their articles

addEventListener("beforeprint", () => {
  const some = shown.slice(0, PRINTED);
  $("sheet").replaceChildren(
    el("h2", {}, `${plural(shown.length, "record")}${some.length < shown.length ? `, the first ${PRINTED}` : ""}`),
    ...some.map((record) => el("article", {}, about(record),
      ...record.pairs.map((pair, number) => {
        const own = decisions.get(key(record, pair));
        const slots = pair[2] === -1 ? ["title", "headline"] : [`vi${number}`, `en${number}`];
        const english = el("p", { lang: "en", dir: "auto" });
        return el("div", { className: pair[2] === -1 ? "pair headline" : "pair" },
          writeMarked(el("p", { lang: "vi", dir: "auto" }), pair[0], spansOf(record, slots[0])),
          own ? write(english, `${own.en} (${own.by})`) : writeMarked(english, pair[1], spansOf(record, slots[1])));
      }),
      el("ul", {}, ...record.flags.map((flag) => write(el("li", {}), `${flag.severity}, ${flag.check}: ${flag.message}`))))));
});
addEventListener("afterprint", () => $("sheet").replaceChildren());

// Opening

function options(id, entries) {
  const select = $(id);
  entries.forEach(([value, label]) => select.append(el("option", { value }, label)));
}

function counted(values) {
  const counts = new Map();
  for (const value of values) counts.set(value, (counts.get(value) || 0) + 1);
  return [...counts].sort((a, b) => b[1] - a[1] || (a[0] < b[0] ? -1 : 1));
}

function follow() {
  const match = /^#r=(.*)$/s.exec(location.hash);
  if (!match) return false;
  let id = match[1];
  try {
    id = decodeURIComponent(id);
  } catch { /* a percent sign that was never encoded */ }
  const record = byId.get(id);
  if (!record) {
    $("count").textContent = `This report has no record “${plain(clip(id))}”.`;
    return false;
  }
  show(record, { read: true });
  return true;
}

let frame = 0;
$("list").addEventListener("scroll", () => { cancelAnimationFrame(frame); frame = requestAnimationFrame(() => drawRows(false)); }, { passive: true });
addEventListener("resize", () => drawRows(false));
addEventListener("hashchange", follow);
addEventListener("beforeunload", (event) => { if (unsaved) event.preventDefault(); });
let typed = 0;
$("search").addEventListener("input", () => { clearTimeout(typed); typed = setTimeout(filterAnew, 80); });
for (const id of ["check", "severity", "origin", "sort"]) $(id).addEventListener("change", filterAnew);
$("toolbar").addEventListener("submit", (event) => { event.preventDefault(); filterAnew(); });
$("download").addEventListener("click", download);
$("signature").addEventListener("click", () => askName());
$("help-button").addEventListener("click", () => $("help").showModal());
$("record").addEventListener("click", (event) => {
  const mark = event.target.closest("mark");
  if (mark) showFlag(open.flags[Number(mark.dataset.flags.split(" ")[0])]);
});
theme(remembered("tomdich theme"));
drawSaving();

(async () => {
  const ahead = []; // pages being inflated while one is taken in
  for (const [number] of facts.pages.entries()) {
    while (ahead.length < 4 && number + ahead.length < facts.pages.length) {
      ahead.push(Pages.list(number + ahead.length));
    }
    take(await ahead.shift(), number);
    if (number === 0) filter(); // the first rows are there while the others are read
    $("count").textContent = `${records.length.toLocaleString("en")} of ${plural(facts.shown, "record")} read…`;
  }
  options("check", [["hold", `On hold (${records.filter((record) => record.hold).length.toLocaleString("en")})`],
    ["any", `Flagged (${records.filter((record) => record.flags.length).length.toLocaleString("en")})`], ["decided", "Checked by you"],
    ...counted(records.flatMap((record) => [...new Set(record.flags.map((flag) => flag.check))])).map(([name, count]) => [`check ${name}`, `${name.replaceAll("_", " ")} (${count.toLocaleString("en")})`])]);
  options("origin", counted(records.map((record) => record.origin)).map(([name, count]) => [name, `${clip(plain(name))} (${count.toLocaleString("en")})`]));
  filter();
  if (!follow() && shown.length && !narrow.matches && !open) show(shown[0], { quiet: true });
  document.documentElement.dataset.ready = Math.round(performance.now());
})().catch((error) => { $("count").textContent = `The records cannot be read: ${error.message}`; });
})();
