// The page: draws the rows in view and the record that is open, follows keys and links, takes the editor's decisions.
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

let words = []; // that are searched for
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
  words = Search.wordsOf($("search").value);
  const [check, severity, origin] = ["check", "severity", "origin"].map((id) => $(id).value);
  const name = check.startsWith("check ") ? check.slice(6) : null;
  shown = records.filter((record) =>
    (check !== "hold" || record.hold)
    && (check !== "undecided" || (record.hold && !Decisions.decision("release", record) && !Decisions.decision("reject", record)))
    && (check !== "decided" || Decisions.of(record).length)
    && (!(severity || name || check === "any") || record.flags.some((flag) => (!severity || flag.severity === severity) && (!name || flag.check === name)))
    && (!origin || record.origin === origin)
    && Search.inArticle(record, words) !== null);
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
  if (open) showFound($("record").querySelector(".source"), open);
  if (words.length) readArticles();
  else search += 1;
}

// The articles are packed: they are read page by page, and what is found in them joins the list.
let search = 0; // the number of the search that may still change the list

async function readArticles() {
  const mine = ++search;
  let unreadable = 0;
  let drawnAt = performance.now();
  for (const page of facts.pages.keys()) {
    try {
      await Search.read(page, Pages.articles);
    } catch {
      unreadable += 1;
    }
    if (mine !== search) return;
    if (performance.now() - drawnAt < 250) continue;
    filter();
    $("count").textContent += `, reading the articles (${page + 1} of ${facts.pages.length})…`;
    drawnAt = performance.now();
  }
  filter();
  if (unreadable) $("count").textContent += `; the articles of ${plural(unreadable, "page")} cannot be read`;
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
  const decided = Decisions.of(record);
  const rejected = decided.includes("reject");
  const checked = decided.filter((kind) => kind === "sentence" || kind === "summary").length;
  const copies = copiesOf(record).length;
  const element = el("div", {
    className: rejected ? "row rejected" : "row", role: "option", id: `row-${record.order}`,
    "aria-selected": String(record === open), "aria-setsize": String(shown.length), "aria-posinset": String(number + 1),
  },
    write(el("p", { className: "row-headline", lang: headline ? "en" : "vi", dir: "auto" }), clip(headline || title || record.id)),
    write(el("p", { className: "row-title", lang: "vi", dir: "auto" }), clip(headline ? title : record.pairs.find((pair) => pair[2] !== -1)?.[0] || "")),
    el("p", { className: "row-about" },
      rejected ? el("span", { className: "badge" }, "Rejected") : holdBadge(record),
      checked > 0 && el("span", { className: "tag done" }, `${checked} checked`),
      decided.includes("draft") && el("span", { className: "tag warning" }, "draft"),
      ...severities.filter(([, count]) => count).map(([name, count]) => el("span", { className: `tag ${name}` }, plural(count, name))),
      copies > 0 && el("span", { className: "tag" }, `+${copies}`),
      Boolean(words.length && Search.inArticle(record, words)?.length) && el("span", { className: "tag note" }, "in the article"),
      write(el("bdi", {}), clip(record.origin))));
  element.style.top = `${number * ROW}px`;
  element.addEventListener("click", () => show(record, { read: true }));
  return element;
}

function holdBadge(record) {
  if (!record.hold) return false;
  return Decisions.decision("release", record) ? el("span", { className: "badge done" }, "Released") : el("span", { className: "badge error" }, "Hold");
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
    about(record), alsoIn(record), verdict(record), flagList(record), pairTable(record));
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
  return el("p", { className: "about" }, holdBadge(record),
    ...parts.filter(Boolean).map((part) => el("span", {}, part)),
    el("span", { className: "path", title: plain(record.source) }, write(el("bdi", {}), record.source.split("/").slice(-2).join("/"))),
    el("a", { href: addressOf(record), title: plain(record.id) }, "Link to this record"));
}

// Near copies of the story, each a link to its record
const copyGroups = new Map(facts.copies.flatMap((group) => group.map((id) => [id, group])));
const copiesOf = (record) => (copyGroups.get(record.id) || []).filter((id) => id !== record.id && byId.has(id)).map((id) => byId.get(id));

function alsoIn(record) {
  const copies = copiesOf(record);
  if (!copies.length) return "";
  return el("p", { className: "also" }, el("span", { className: "quiet" }, "Also in "),
    ...copies.slice(0, 20).map((copy, number) => el("span", {}, write(el("a", { href: addressOf(copy), title: nameOf(copy) }), clip(copy.origin)), number < copies.length - 1 ? ", " : "")),
    copies.length > 20 && `${copies.length - 20} more`);
}

// What is decided about the record as a whole
function verdict(record) {
  const rejected = Decisions.decision("reject", record);
  const released = Decisions.decision("release", record);
  const buttons = el("p", { className: "buttons" });
  const element = el("div", { className: "verdict", id: "verdict", role: "group", "aria-label": "The record as a whole" });
  if (rejected) {
    element.append(el("p", { className: "rejected-by" }, write(el("strong", {}), `Rejected by ${rejected.by}`), rejected.reason && write(el("span", {}), `: ${rejected.reason}`),
      el("span", { className: "quiet" }, " The next run lists the article among the rejected.")));
  } else if (released) {
    element.append(el("p", { className: "by" }, write(el("strong", {}), `Released from hold by ${released.by}`)));
  }
  const button = (label, action, shortcut) => buttons.append(el("button", { type: "button", "aria-keyshortcuts": shortcut, onclick: action }, label));
  if (rejected) button("Do not reject", () => takeBack("reject", "Not rejected."));
  else {
    if (released) button("Hold again", () => takeBack("release", "On hold again."));
    else if (record.hold) button("Release from hold…", release, "r");
    button("Reject the article…", reject, "x");
  }
  element.append(buttons);
  return element;
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
      el("span", { className: "flag-where" }, `${flag.severity} · ${{ title_translation: "headline", article_translation: "translated article" }[flag.field] || flag.field}`)))));
}

function pairTable(record) {
  const table = el("div", { className: "pairs" }, el("div", { className: "pair-heads", "aria-hidden": "true" }, el("span", {}, "Vietnamese"), el("span", {}, "English")));
  const total = record.pairs.filter((pair) => pair[2] >= 0 && pair[2] !== null).length;
  record.pairs.forEach((pair, number) => {
    const [vi, en, index] = pair;
    const headline = index === -1;
    const name = headline ? "Headline" : index === null ? (record.translatesFirst ? "English summary" : "Not translated") : `Sentence ${index + 1} of ${total}`;
    const element = el("div", { className: headline ? "pair headline" : "pair", id: `pair-${number}`, role: "group", tabIndex: 0, "aria-label": name },
      writeMarked(el(headline ? "h3" : "p", { lang: "vi", dir: "auto", className: "vi" }), vi, spansOf(record, headline ? "title" : `vi${number}`)),
      el("div", { className: "en" }));
    element.addEventListener("focusin", () => { sentence = number; showOrigin(vi); });
    element.addEventListener("mouseenter", () => showOrigin(vi));
    if (!headline && !table.querySelector(".summary")) table.append(summaryBox(record));
    table.append(element);
    drawEnglish(record, number, element);
  });
  if (!table.querySelector(".summary")) table.append(summaryBox(record));
  return table;
}

const summaryOf = (record) => record.pairs.filter((pair) => pair[2] !== -1).map((pair) => pair[0].trim()).join(" ").replace(/\s+/g, " ");

// Between the headline and the sentences: the summary as a whole, which an editor may write anew
function summaryBox(record) {
  const box = el("div", { className: "summary", id: "summary", role: "group", "aria-label": record.translatesFirst ? "English summary" : "Vietnamese summary" });
  if (record.translatesFirst) {
    box.append(el("p", { className: "quiet" }, "The English summary was made of the translated article, which is below it: correct a sentence there, and the next run summarizes the article again."));
    return box;
  }
  const own = Decisions.decision("summary", record);
  const draft = Decisions.draft(record, "summary");
  if (own) {
    box.append(write(el("p", { lang: "vi", dir: "auto", className: "own" }), own.vi),
      el("p", { className: "quiet" }, own.vi === summaryOf(record) ? "This version has it." : "The next run translates this summary and checks it. Below is the machine's."));
  }
  const buttons = el("p", { className: "buttons" });
  box.append(...(own ? [] : repairNote(record, "summary", "vi")), buttons);
  if (own) {
    buttons.append(write(el("span", { className: "by" }, "✎ Summary written by "), own.by),
      el("button", { type: "button", onclick: editSummary, "aria-keyshortcuts": "v" }, "Change"),
      el("button", { type: "button", onclick: () => takeBack("summary", "The machine's summary stands again.") }, "Undo"));
  } else {
    buttons.append(el("button", { type: "button", onclick: editSummary, "aria-keyshortcuts": "v" }, "Correct the Vietnamese summary"));
  }
  if (draft !== undefined) writeSummary(record, box, draft);
  return box;
}

function drawEnglish(record, number, element = $(`pair-${number}`)) {
  const pair = record.pairs[number];
  const [, en, index] = pair;
  const headline = index === -1;
  const cell = element.querySelector(".en");
  const tag = headline ? "h3" : "p";
  const decision = Decisions.decision("sentence", record, index);
  const draft = Decisions.draft(record, index);
  const machine = el(tag, { lang: "en", dir: "auto" });
  if (en) writeMarked(machine, en, spansOf(record, headline ? "headline" : `en${number}`));
  else machine.append(el("span", { className: "quiet" }, index === null ? (record.translatesFirst ? "no summary" : "not given to the translator") : "nothing came back"));
  const buttons = el("p", { className: "buttons" });
  const button = (label, shortcut, action) => el("button", { type: "button", "aria-keyshortcuts": shortcut, onclick: () => { sentence = number; action(); } }, label);
  element.classList.toggle("decided", Boolean(decision));
  if (decision) {
    const accepted = decision.en === decision.machine;
    const published = decision.en === en; // the version has the editor's sentence already
    const wrote = published && !accepted && decision.machine ? write(el("p", { lang: "en", dir: "auto" }), decision.machine) : machine;
    cell.replaceChildren(...(accepted ? [machine] : [write(el(tag, { lang: "en", dir: "auto", className: "own" }), decision.en),
      el("div", { className: "machine" }, el("span", { className: "quiet" }, "The machine wrote"), wrote)]), buttons);
    buttons.append(write(el("span", { className: "by" }, accepted ? "✓ Accepted by " : "✎ Corrected by "), decision.by), button("Change", "e", edit), button("Undo", "u", undo));
  } else {
    cell.replaceChildren(machine, ...repairNote(record, index, "en"), buttons);
    if (mayDecide(pair)) buttons.append(en ? button("Accept", "a", accept) : "", button("Correct", "e", edit));
  }
  if (draft !== undefined && mayDecide(pair)) writeSentence(record, number, cell, draft);
}

// On demand: the first answer of a text that was replaced because the checks flagged it
function repairNote(record, index, lang) {
  const found = record.repaired.find((one) => one.index === index);
  if (!found) return [];
  return [el("details", { className: "repaired" },
    el("summary", {}, "repaired"),
    write(el("p", { lang, dir: "auto" }), found.first || "an empty answer"),
    el("p", { className: "quiet" }, `was the first answer, flagged: ${found.before.join(", ")}. Taken: ${found.taken}.`))];
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
  showFound(source, record, { scroll: true });
}

// Light up what was searched for, and show the first of it where only the article has it.
function showFound(source, record, { scroll = false } = {}) {
  CSS.highlights?.delete("found");
  if (!CSS.highlights || !words.length) return;
  const ranges = [...source.querySelectorAll(".body p")].flatMap((line) => Search.places(line.textContent, words).map(([start, end]) => rangeIn(line, start, end)));
  if (!ranges.length) return;
  CSS.highlights.set("found", new Highlight(...ranges));
  if (scroll && Search.inArticle(record, words)?.length) source.scrollTop += ranges[0].getBoundingClientRect().top - source.getBoundingClientRect().top - 80;
}

function rangeIn(element, start, end) {
  const range = new Range();
  const walk = document.createTreeWalker(element, NodeFilter.SHOW_TEXT);
  for (let at = 0; walk.nextNode(); at += walk.currentNode.length) {
    const [from, to] = [start - at, end - at];
    if (from >= 0 && from < walk.currentNode.length) range.setStart(walk.currentNode, from);
    if (to > 0 && to <= walk.currentNode.length) range.setEnd(walk.currentNode, to);
  }
  return range;
}

// Where the summary took a sentence from the article as it stands, light it up there, without touching the text.
function showOrigin(text) {
  if (!CSS.highlights) return;
  CSS.highlights.delete("origin");
  for (const line of $("record").querySelectorAll(".body p")) {
    const start = line.textContent.indexOf(text);
    if (start < 0 || !text) continue;
    CSS.highlights.set("origin", new Highlight(rangeIn(line, start, start + text.length)));
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

let editor = remembered("tomdich editor") || "";

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
  $("name").value = editor;
  ask($("who"), () => {
    const name = $("name").value.trim();
    if (!name) return;
    editor = name;
    remembered("tomdich editor", editor);
    action?.();
    drawSaving();
  });
}

// Show a dialog; `kept` is done where it is not cancelled.
function ask(dialog, kept) {
  dialog.returnValue = "";
  dialog.addEventListener("close", () => { if (dialog.returnValue === "keep") kept(); }, { once: true });
  dialog.showModal();
}

function decide(record, number, en) {
  const pair = record.pairs[number];
  Decisions.dropDraft(record, pair[2]);
  Decisions.decide("sentence", record, pair[2], { id: record.id, index: pair[2], vi: pair[0], en, machine: pair[1], ...signature() });
  if (record === open) drawEnglish(record, number);
}

const signature = () => ({ by: editor, at: new Date().toISOString() });

// A decision about the record as a whole: a line that names the text that was read
function decideRecord(kind, record, fields) {
  Decisions.decide(kind, record, undefined, { action: kind, id: record.id, text_sha256: record.sha, ...fields, ...signature() });
  redraw(record);
}

function redraw(record) {
  if (record !== open) return;
  const focused = ["verdict", "summary"].find((id) => $(id).contains(document.activeElement));
  $("verdict").replaceWith(verdict(record));
  $("summary").replaceWith(summaryBox(record));
  $("record").querySelector(".about").replaceWith(about(record));
  if (focused) $(focused).querySelector("button").focus({ preventScroll: true });
}

function drawSaving() {
  const [count, drafts] = [Decisions.count(), Decisions.drafts()];
  $("download").disabled = !count;
  $("download").textContent = count ? `Download ${plural(count, "correction")}` : "No corrections yet";
  $("download").classList.toggle("primary", Decisions.waiting());
  $("kept").textContent = [drafts && plural(drafts, "draft"),
    (count || drafts) && (Decisions.works() ? "kept in this browser" : "this browser keeps nothing: download before you close")].filter(Boolean).join(", ");
  $("kept").classList.toggle("problem", !Decisions.works());
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
    const drafts = record.pairs.filter((pair) => Decisions.draft(record, pair[2]) !== undefined).length;
    record.pairs.forEach((pair, number) => {
      if (mayDecide(pair) && pair[1] && !Decisions.decision("sentence", record, pair[2]) && Decisions.draft(record, pair[2]) === undefined) decide(record, number, pair[1]);
    });
    say(drafts ? `Accepted, but for ${plural(drafts, "draft")}.` : "Every sentence of the record is accepted.");
  });
}

function undo() {
  if (!decidable()) return;
  const [record, number] = [open, sentence];
  const index = record.pairs[number][2];
  const line = Decisions.decision("sentence", record, index);
  if (!Decisions.undo("sentence", record, index)) return;
  drawEnglish(record, number);
  toSentence(number);
  say("Taken back.");
  if (line.en !== line.machine && Decisions.draft(record, index) === undefined) offerSentence(record, number, line.en);
}

// A text that is being typed is kept as it grows; leaving it gives it up, which can be taken back.
function writing({ label, lang, rows, value, draft, keep, save, give }) {
  const text = el("textarea", { lang, dir: "auto", rows, "aria-label": label, value: draft ?? value });
  text.addEventListener("input", () => save(text.value === value ? null : text.value));
  const done = () => {
    const own = text.value.replace(/\s+/g, " ").trim();
    if (own) keep(own);
    else say("The text is empty; write one, or leave it with Esc.");
  };
  const leave = () => give(text.value === value ? null : text.value);
  text.addEventListener("keydown", (event) => {
    if (event.key === "Escape") leave();
    else if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) done();
    else return;
    event.preventDefault();
    event.stopPropagation();
  });
  return [text, el("p", { className: "buttons" },
    el("button", { type: "button", className: "primary", onclick: done }, "Keep"), el("button", { type: "button", onclick: leave }, "Leave"),
    draft !== undefined && el("span", { className: "quiet" }, "A draft, not kept yet"))];
}

function writeSentence(record, number, cell, draft) {
  const pair = record.pairs[number];
  const again = () => { if (record === open) { drawEnglish(record, number); toSentence(number); } };
  const parts = writing({
    label: "Your sentence", lang: "en", rows: 4, draft, value: Decisions.decision("sentence", record, pair[2])?.en ?? pair[1],
    save: (text) => (text === null ? Decisions.dropDraft(record, pair[2]) : Decisions.setDraft(record, pair[2], text)),
    keep: (own) => signed(() => { decide(record, number, own); say("Kept."); if (record === open) toSentence(number); }),
    give: (text) => {
      Decisions.dropDraft(record, pair[2]);
      again();
      if (text !== null) offerSentence(record, number, text);
    },
  });
  cell.querySelector(".buttons").replaceWith(...parts);
  return parts[0];
}

function writeSummary(record, box, draft) {
  const parts = writing({
    label: "Your summary, in Vietnamese", lang: "vi", rows: 7, draft, value: Decisions.decision("summary", record)?.vi ?? summaryOf(record),
    save: (text) => (text === null ? Decisions.dropDraft(record, "summary") : Decisions.setDraft(record, "summary", text)),
    keep: (own) => signed(() => {
      Decisions.dropDraft(record, "summary");
      decideRecord("summary", record, { vi: own, machine: summaryOf(record) });
      say("Your summary is kept; the next run translates it.");
    }),
    give: (text) => {
      Decisions.dropDraft(record, "summary");
      redraw(record);
      if (text !== null) offerSummary(record, text);
    },
  });
  box.querySelector(".buttons").replaceWith(...parts);
  return parts[0];
}

// What was typed and left, or kept and taken back, can be had again as a draft.
function offerBack(place, bring) {
  place.querySelector(".buttons").append(el("button", { type: "button", onclick: bring }, "Bring back what I typed"));
  say("What you typed can be brought back.");
}

function offerSentence(record, number, text) {
  const cell = $(`pair-${number}`).querySelector(".en");
  offerBack(cell, () => {
    Decisions.setDraft(record, record.pairs[number][2], text);
    drawEnglish(record, number);
    cell.querySelector("textarea").focus();
  });
}

function offerSummary(record, text) {
  offerBack($("summary"), () => {
    Decisions.setDraft(record, "summary", text);
    redraw(record);
    $("summary").querySelector("textarea").focus();
  });
}

function toEnd(text) {
  text.focus();
  text.setSelectionRange(text.value.length, text.value.length);
}

function edit() {
  if (!decidable()) return;
  const cell = $(`pair-${sentence}`).querySelector(".en");
  toEnd(cell.querySelector("textarea") ?? writeSentence(open, sentence, cell));
}

function editSummary() {
  if (!open || open.translatesFirst) return; // there is no Vietnamese summary
  toEnd($("summary").querySelector("textarea") ?? writeSummary(open, $("summary")));
}

// Keys only ask; what is decided is taken back with its button, not by a letter typed in the wrong place.
function reject() {
  const record = open;
  if (!record || Decisions.decision("reject", record)) return;
  signed(() => {
    $("reason").value = "";
    ask($("why"), () => {
      const reason = $("reason").value.replace(/\s+/g, " ").trim();
      decideRecord("reject", record, reason ? { reason } : {});
      say("Rejected.");
    });
  });
}

function release() {
  const record = open;
  if (!record?.hold || Decisions.decision("release", record) || Decisions.decision("reject", record)) return;
  const errors = record.flags.filter((flag) => flag.severity === "error");
  signed(() => {
    $("errors").replaceChildren(...errors.map((flag) => write(el("li", {}), `${flag.check.replaceAll("_", " ")}: ${flag.message}`)));
    ask($("sure"), () => {
      decideRecord("release", record, { flags: errors.map(({ check, field, expected, found, message }) => ({ check, field, expected, found, message })) });
      say("Released from hold.");
    });
  });
}

function takeBack(kind, said) {
  const line = Decisions.decision(kind, open);
  Decisions.undo(kind, open);
  redraw(open);
  say(said);
  if (kind === "summary") offerSummary(open, line.vi);
}

function download() {
  const [count, drafts] = [Decisions.count(), Decisions.drafts()];
  const url = URL.createObjectURL(new Blob([Decisions.file()], { type: "application/x-ndjson" }));
  el("a", { href: url, download: "corrections.jsonl" }).click();
  setTimeout(() => URL.revokeObjectURL(url), 10000);
  tell(`${plural(count, "correction")} saved as corrections.jsonl${drafts ? `, without ${plural(drafts, "draft")}` : ""}.`);
}

async function loadFile(file) {
  try {
    const { here, elsewhere, older } = Decisions.load(await file.text(), byId);
    tell([`${plural(here, "correction")} of this report read from ${file.name}`,
      elsewhere && `${elsewhere.toLocaleString("en")} of others kept for the download`,
      older && `${older.toLocaleString("en")} older than yours passed over`].filter(Boolean).join(", ") + ".");
    if (open) drawRecord();
    drawRows(true);
  } catch (error) {
    tell(`${file.name} was not read: ${error.message}.`);
  }
}

// Say it, and show it where the corrections are counted.
function tell(text) {
  say(text);
  $("kept").textContent = text;
}

// Keys

const keys = {
  j: () => step(1), n: () => step(1), k: () => step(-1), p: () => step(-1),
  s: () => toSentence(Math.min(sentence + 1, (open?.pairs.length ?? 1) - 1)), w: () => toSentence(Math.max(sentence - 1, 0)),
  f: nextFlag, a: accept, A: acceptAll, e: edit, u: undo, v: editSummary, r: release, x: reject,
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
      ...[["reject", "Rejected"], ["release", "Released from hold"], ["summary", "Summary written"]].map(([kind, label]) => [label, Decisions.decision(kind, record)])
        .filter(([, line]) => line).map(([label, line]) => write(el("p", {}), `${label} by ${line.by}${line.reason || line.vi ? `: ${line.reason || line.vi}` : ""}`)),
      ...record.pairs.map((pair, number) => {
        const own = Decisions.decision("sentence", record, pair[2]);
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
addEventListener("beforeunload", (event) => { if (Decisions.unsaved()) event.preventDefault(); });
let typed = 0;
$("search").addEventListener("input", () => { clearTimeout(typed); typed = setTimeout(filterAnew, 80); });
for (const id of ["check", "severity", "origin", "sort"]) $(id).addEventListener("change", filterAnew);
$("toolbar").addEventListener("submit", (event) => { event.preventDefault(); filterAnew(); });
$("download").addEventListener("click", download);
$("signature").addEventListener("click", () => askName());
$("load").addEventListener("click", () => $("file").click());
$("file").addEventListener("change", () => { if ($("file").files[0]) loadFile($("file").files[0]); $("file").value = ""; });
$("help-button").addEventListener("click", () => $("help").showModal());
$("record").addEventListener("click", (event) => {
  const mark = event.target.closest("mark");
  if (mark) showFlag(open.flags[Number(mark.dataset.flags.split(" ")[0])]);
});
theme(remembered("tomdich theme"));
drawSaving();
Decisions.onChange((elsewhere) => { // elsewhere: the record that another tab has changed
  drawSaving();
  drawRows(true);
  if (elsewhere !== undefined && open?.id === elsewhere && !$("record").contains(document.activeElement)) drawRecord();
});

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
  options("check", [["hold", `On hold (${records.filter((record) => record.hold).length.toLocaleString("en")})`], ["undecided", "On hold, undecided"],
    ["any", `Flagged (${records.filter((record) => record.flags.length).length.toLocaleString("en")})`], ["decided", "Checked by you"],
    ...counted(records.flatMap((record) => [...new Set(record.flags.map((flag) => flag.check))])).map(([name, count]) => [`check ${name}`, `${name.replaceAll("_", " ")} (${count.toLocaleString("en")})`])]);
  options("origin", counted(records.map((record) => record.origin)).map(([name, count]) => [name, `${clip(plain(name))} (${count.toLocaleString("en")})`]));
  filter();
  if (!follow() && shown.length && !narrow.matches && !open) show(shown[0], { quiet: true });
  document.documentElement.dataset.ready = Math.round(performance.now());
})().catch((error) => { $("count").textContent = `The records cannot be read: ${error.message}`; });
})();
