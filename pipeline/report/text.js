// How text becomes elements: as text nodes, never as markup. No innerHTML here or anywhere in the page (the content
// security policy forbids it too).
const Text = (() => {
"use strict";

const SEVERITY = { error: 3, warning: 2, note: 1 };
const CLIPPED = 200; // characters of a text in a row, which shows fewer
const BOXES = 500; // that name hidden characters, in one text
// What would not be seen or would turn the text around: C0 and C1, bidi controls, joiners, fillers, specials.
const HIDDEN = /[\0-\x08\x0b-\x1f\x7f-\x9f\xad\u061c\u115f\u1160\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\u3164\ufeff\uffa0\ufff0-\uffff]+/g;
const NAMES = { "\0": "NUL", "\u202a": "LRE", "\u202b": "RLE", "\u202c": "PDF", "\u202d": "LRO", "\u202e": "RLO",
  "\u2066": "LRI", "\u2067": "RLI", "\u2068": "FSI", "\u2069": "PDI", "\u200e": "LRM", "\u200f": "RLM",
  "\u200b": "ZWSP", "\ufeff": "BOM", "\ufffd": "\ufffd" };

function el(tag, properties, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(properties || {})) {
    if (name in element && name !== "list") element[name] = value;
    else if (value !== undefined && value !== false) element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...children.filter((child) => child !== null && child !== undefined && child !== false));
  return element;
}

const plural = (count, one, many) => `${count.toLocaleString("en")} ${count === 1 ? one : many || one + "s"}`;
const clip = (text) => (text.length > CLIPPED ? text.slice(0, CLIPPED) + "…" : text);
const plain = (text) => text.replace(HIDDEN, "");

// Append `text` to `parent`; what could not be seen is named in a box instead of being obeyed, a run of it in one.
function write(parent, text) {
  let from = 0;
  let boxes = 0;
  for (const match of text.matchAll(HIDDEN)) {
    parent.append(text.slice(from, match.index));
    const codes = [...new Set(match[0])].slice(0, 4).map((letter) => NAMES[letter] || `U+${letter.charCodeAt(0).toString(16).toUpperCase().padStart(4, "0")}`);
    const times = match[0].length > codes.length ? ` ×${match[0].length.toLocaleString("en")}` : "";
    if (++boxes > BOXES) parent.append("▯"); // a text made of them is not worth a slow page
    else parent.append(el("span", { className: "control", title: "characters that cannot be seen" }, codes.join(" ") + times));
    from = match.index + match[0].length;
  }
  parent.append(text.slice(from));
  return parent;
}

// Append `text` with its flags marked: `spans` are [start, end, flag], in UTF-16 units, and may overlap.
function writeMarked(parent, text, spans) {
  const cuts = [...new Set([0, text.length, ...spans.flatMap(([start, end]) => [start, end])])].sort((a, b) => a - b);
  cuts.forEach((from, number) => {
    for (const [start, end, flag] of spans) {
      if (start === end && start === from) parent.append(marked([flag], "missing"));
    }
    const to = cuts[number + 1];
    if (to === undefined || from === to) return;
    const over = spans.filter(([start, end]) => start <= from && end >= to && start < end).map(([, , flag]) => flag);
    if (over.length) write(parent.appendChild(marked(over, "")), text.slice(from, to));
    else write(parent, text.slice(from, to));
  });
  return parent;
}

function marked(flags, kind) {
  const worst = flags.reduce((one, other) => (SEVERITY[other.severity] > SEVERITY[one.severity] ? other : one));
  return el("mark", {
    className: `${worst.severity in SEVERITY ? worst.severity : "warning"} ${kind}`,
    title: plain(flags.map((flag) => `${flag.check}: ${flag.message}`).join("\n")),
    "data-flags": flags.map((flag) => flag.number).join(" "),
  });
}

return { SEVERITY, clip, el, plain, plural, write, writeMarked };
})();
