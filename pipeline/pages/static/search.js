/* A list that can be searched: lines that have every word stay; one with a head is ordered by its columns.
   The words and the order are in the address. */
"use strict";

const search = document.getElementById("search");
const list = document.querySelector("[data-list]");
if (search && list) {
  const lines = [...list.children].map((line) => [line, line.textContent.toLowerCase()]);
  const heads = list.tagName === "TBODY" ? [...list.parentElement.tHead.rows[0].cells] : [];
  const names = heads.map((head) => head.textContent);
  let order = "";

  const filter = () => {
    const words = search.value.toLowerCase().split(/\s+/).filter(Boolean);
    for (const [line, text] of lines) line.hidden = !words.every((word) => text.includes(word));
  };
  /** A cell's place among its column's: of numbers by size, else by letters; what is empty comes last. */
  const key = (line, column) => {
    const cell = line.cells[column], text = (cell.dataset.order ?? cell.textContent).trim();
    const number = Number(text.replace(/[,%]|^r(?=\d)/g, ""));
    return text && !Number.isNaN(number) ? number : text;
  };
  const compare = (a, b) => {
    if (a === "" || b === "") return (a === "") - (b === "");
    return typeof a === "number" && typeof b === "number" ? a - b : String(a).localeCompare(String(b), "en", { numeric: true });
  };
  const arrange = () => {
    const column = names.indexOf(order.replace(/^-/, "")), sign = order.startsWith("-") ? -1 : 1;
    const keyed = lines.map(([line], place) => [line, column < 0 ? place : key(line, column)]);
    if (column >= 0) keyed.sort(([, a], [, b]) => (a === "" || b === "" ? 1 : sign) * compare(a, b));
    list.append(...keyed.map(([line]) => line));
    heads.forEach((head, at) => (at === column ? head.setAttribute("aria-sort", sign > 0 ? "ascending" : "descending") : head.removeAttribute("aria-sort")));
  };
  const remember = () => {
    const kept = new URLSearchParams(Object.entries({ search: search.value, order }).filter(([, value]) => value));
    history.replaceState(null, "", kept.size ? `#${kept}` : location.pathname + location.search);
  };
  const fromAddress = () => {
    const kept = new URLSearchParams(location.hash.slice(1));
    search.value = kept.get("search") ?? "";
    order = kept.get("order") ?? "";
    filter();
    if (order) arrange();
  };
  heads.forEach((head, at) => {
    const button = document.createElement("button");
    button.textContent = names[at];
    button.addEventListener("click", () => {
      order = order === names[at] ? `-${names[at]}` : names[at];
      arrange();
      remember();
    });
    head.replaceChildren(button);
  });
  search.addEventListener("input", () => { filter(); remember(); });
  addEventListener("hashchange", fromAddress);
  fromAddress();
}
document.body.dataset.ready = "yes";
