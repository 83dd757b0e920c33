"use strict";
const words = document.getElementById("words");
const only = document.getElementById("only");
const shown = document.getElementById("shown");
const rows = Array.from(document.querySelectorAll("#doors tbody tr"));
const texts = rows.map(row => row.textContent.toLowerCase());
function filter() {
  const wanted = words.value.toLowerCase().split(/\s+/).filter(Boolean);
  let n = 0;
  rows.forEach((row, i) => {
    const hit = wanted.every(word => texts[i].includes(word)) && (only.value === "" || row.classList.contains(only.value));
    row.hidden = !hit;
    if (hit) n++;
  });
  shown.textContent = n + " of " + rows.length;
}
if (words) {
  words.addEventListener("input", filter);
  only.addEventListener("change", filter);
  document.getElementById("filter").hidden = false;
  filter();
}
