/* A list that can be searched: lines that have every word stay. The words are in the address. */
"use strict";

const search = document.getElementById("search");
if (search) {
  const lines = [...document.querySelectorAll("[data-list] > *")].map((line) => [line, line.textContent.toLowerCase()]);
  const apply = () => {
    const words = search.value.toLowerCase().split(/\s+/).filter(Boolean);
    for (const [line, text] of lines) line.hidden = !words.every((word) => text.includes(word));
  };
  search.value = new URLSearchParams(location.hash.slice(1)).get("search") ?? "";
  search.addEventListener("input", () => {
    apply();
    history.replaceState(null, "", search.value ? `#${new URLSearchParams({ search: search.value })}` : location.pathname + location.search);
  });
  apply();
}
document.body.dataset.ready = "yes";
