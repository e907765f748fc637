/* What every page's script begins with. */
"use strict";

const by = (id) => document.getElementById(id);

/** The value that the page carries: JSON, packed. */
async function unpacked(text) {
  const bytes = Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
  return JSON.parse(await new Response(stream).text());
}
