// The sheet: shows one pair at a time, takes verdicts by key or button, keeps them in the browser, saves them as CSV.
(() => {
"use strict";

const $ = (id) => document.getElementById(id);
const facts = JSON.parse($("facts").textContent);
const KEPT = `tomdich-rating:${facts.sheet}`;
const KEYS = { 1: "left", 2: "tie", 3: "right" };

let state = { rater: "", at: 0, verdicts: {}, notes: {} };
try {
  state = Object.assign(state, JSON.parse(localStorage.getItem(KEPT) || "{}"));
} catch { /* a browser that keeps nothing: the CSV can be saved all the same */ }

function keep() {
  try { localStorage.setItem(KEPT, JSON.stringify(state)); } catch { /* as above */ }
}

const here = () => facts.items[state.at];

function side(id, texts, other) {
  const parts = [];
  for (const [field, name] of Object.entries(facts.names)) {
    if (!texts[field] && !other[field]) continue;
    const heading = document.createElement("h3");
    heading.textContent = name;
    const text = document.createElement("p");
    text.lang = field === "summary" ? "vi" : "en";
    text.textContent = texts[field] || "(empty)";
    parts.push(heading, text);
  }
  $(id).replaceChildren(...parts);
}

function show() {
  const item = here();
  $("title").textContent = item.title || "(no title)";
  $("article").textContent = item.article;
  $("article").scrollTop = 0;
  side("left", item.left, item.right);
  side("right", item.right, item.left);
  for (const button of document.querySelectorAll("[data-verdict]")) {
    button.setAttribute("aria-pressed", String(state.verdicts[item.item] === button.dataset.verdict));
  }
  $("note").value = state.notes[item.item] || "";
  const rated = facts.items.filter((one) => state.verdicts[one.item]).length;
  $("progress").textContent = `pair ${state.at + 1} of ${facts.items.length}, ${rated} rated`;
}

function go(to) {
  state.at = Math.max(0, Math.min(facts.items.length - 1, to));
  keep();
  show();
}

function goOpen() {
  const count = facts.items.length;
  for (let step = 1; step <= count; step += 1) {
    const at = (state.at + step) % count;
    if (!state.verdicts[facts.items[at].item]) return go(at);
  }
  return show();
}

function rate(verdict) {
  if (verdict) state.verdicts[here().item] = verdict;
  else delete state.verdicts[here().item];
  keep();
  if (verdict) goOpen();
  else show();
}

const quoted = (text) => `"${String(text).replaceAll('"', '""')}"`;

function save() {
  const lines = facts.items
    .filter((one) => state.verdicts[one.item])
    .map((one) => [one.item, state.verdicts[one.item], state.rater.trim(), state.notes[one.item] || ""]);
  const text = [facts.columns, ...lines].map((line) => line.map(quoted).join(",")).join("\r\n");
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob(["\ufeff", text, "\r\n"], { type: "text/csv" }));
  const name = state.rater.trim().replace(/[^\p{L}\p{N}]+/gu, "-") || "rater";
  link.download = `rating-${facts.sheet}-${name}.csv`;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 1000);
}

function toggleArticle() {
  $("source").open = !$("source").open;
}

const ACTIONS = {
  0: () => rate(""),
  ArrowLeft: () => go(state.at - 1),
  ArrowRight: () => go(state.at + 1),
  Enter: goOpen,
  a: toggleArticle,
  n: () => $("note").focus(),
};

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.target.tagName === "INPUT") {
    if (event.key === "Enter" || event.key === "Escape") event.target.blur();
    return;
  }
  if (event.key === "Enter" && event.target.closest("button, summary")) return; // it is pressed
  const act = KEYS[event.key] ? () => rate(KEYS[event.key]) : ACTIONS[event.key];
  if (!act) return;
  event.preventDefault();
  act();
});

for (const button of document.querySelectorAll("[data-verdict]")) {
  button.addEventListener("click", () => rate(button.dataset.verdict));
}
$("clear").addEventListener("click", () => rate(""));
$("previous").addEventListener("click", () => go(state.at - 1));
$("next").addEventListener("click", () => go(state.at + 1));
$("open").addEventListener("click", goOpen);
$("save").addEventListener("click", save);
$("rater").value = state.rater;
$("rater").addEventListener("input", () => { state.rater = $("rater").value; keep(); });
$("note").addEventListener("input", () => { state.notes[here().item] = $("note").value; keep(); });
go(state.at);
document.documentElement.dataset.ready = "";
})();
