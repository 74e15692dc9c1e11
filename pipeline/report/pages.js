// The packed records: in the page's own data blocks, or in files beside it, each of which calls `tomdichPage`.
const facts = JSON.parse(document.getElementById("facts").textContent);
const Pages = (() => {
"use strict";

const waiting = new Map(); // the pages beside this one that were asked for: id → {resolve, reject}
window.tomdichPage = (id, packed) => waiting.get(id)?.resolve(packed);

function fetchBeside(id) {
  const policy = window.trustedTypes?.createPolicy ? (fetchBeside.policy ??= window.trustedTypes.createPolicy("tomdich", { createScriptURL: (url) => url })) : null;
  const url = `${facts.folder}/${id}.js`;
  return new Promise((resolve, reject) => {
    waiting.set(id, { resolve });
    const script = document.createElement("script");
    script.onerror = () => reject(new Error(`${url} is not beside this page`));
    script.onload = () => script.remove();
    script.src = policy ? policy.createScriptURL(url) : url;
    document.head.append(script);
  });
}

// The articles stand behind the scripts: the list is drawn while the browser still reads them.
const read = document.readyState === "loading" ? new Promise((resolve) => document.addEventListener("DOMContentLoaded", resolve)) : null;

async function page(id, beside) {
  if (!beside && !document.getElementById(id)) await read;
  const packed = beside ? await fetchBeside(id) : document.getElementById(id).textContent;
  const letters = atob(packed);
  const bytes = new Uint8Array(letters.length);
  for (let at = 0; at < letters.length; at++) bytes[at] = letters.charCodeAt(at);
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate"));
  return new Response(stream).json();
}

return {
  list: (number) => page(`${facts.pages[number]}-list`, facts.beside.list),
  articles: (number) => page(facts.pages[number], facts.beside.text),
};
})();
