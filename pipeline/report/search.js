// Search: without marks, đ as d, every word somewhere in the record; what is quoted stands together.
const Search = (() => {
"use strict";

const foldLetters = (text) => text.normalize("NFD").replace(/\p{M}/gu, "").toLowerCase().replace(/đ/g, "d");
const bodies = new Map(); // page → the folded articles of its records

const wordsOf = (query) => (foldLetters(query).replace(/[“”]/g, '"').match(/"[^"]*"?|[^\s"]+/g) || []).map((word) => word.replaceAll('"', "").trim()).filter(Boolean);

function listed(record) {
  return (record.folded ??= foldLetters([record.id, record.origin, ...record.pairs.map((pair) => `${pair[0]}\n${pair[1]}`)].join("\n")));
}

async function read(page, articles) {
  if (!bodies.has(page)) bodies.set(page, (await articles(page)).map((opened) => foldLetters(opened.article)));
}

const body = (record) => bodies.get(record.page)?.[record.at] ?? "";

// Where the words stand in `text`, as [start, end] in its own units: folding may make a text shorter.
function places(text, words) {
  const at = [];
  let folded = "";
  let position = 0;
  for (const letter of text) {
    const plain = foldLetters(letter);
    for (let unit = 0; unit < plain.length; unit++) at.push(position);
    folded += plain;
    position += letter.length;
  }
  at.push(text.length);
  return words.flatMap((word) => {
    const found = [];
    for (let start = folded.indexOf(word); start >= 0 && found.length < 200; start = folded.indexOf(word, start + word.length)) {
      found.push([at[start], at[start + word.length]]);
    }
    return found;
  }).sort((one, other) => one[0] - other[0]);
}

return {
  wordsOf,
  places,
  read,
  inList: (record, words) => words.every((word) => listed(record).includes(word)),
  // The words that only the article holds; null where one is nowhere
  inArticle: (record, words) => {
    const rest = words.filter((word) => !listed(record).includes(word));
    return rest.every((word) => body(record).includes(word)) ? rest : null;
  },
};
})();
