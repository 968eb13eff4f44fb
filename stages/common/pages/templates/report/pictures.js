// Small things that all parts use: elements, numbers, thumbnails, the clipboard.

const SIDE = 128, COLUMNS = 8, PER_SHEET = 64; // as in stages/common/pages/thumbnails.py

const $ = (selector, inside = document) => inside.querySelector(selector);
const $$ = (selector, inside = document) => [...inside.querySelectorAll(selector)];

function element(tag, attributes = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) made.addEventListener(name.slice(2), value);
    else if (value !== null) made.setAttribute(name, value);
  }
  made.append(...children);
  return made;
}

const whole = (n) => n.toLocaleString("en-US");
const percent = (share) => `${fixed(100 * share, 1)}%`;
const score = (millionths) => (millionths < 0 ? "no score" : (millionths / 1e6).toFixed(4));
const measure = (millionths) => String(Number((millionths / 1e6).toPrecision(4)));
const kilobytes = (bytes) => `${whole(Math.round(bytes / 1000))} KB`;

// Show an image's thumbnail as an element's background; its sheet is loaded only now.
function show(holder, set, i) {
  const cell = set.thumbnail[i] % PER_SHEET;
  const left = (cell % COLUMNS) * SIDE, top = Math.floor(cell / COLUMNS) * SIDE;
  holder.style.backgroundImage = `url("${set.sheet(i)}")`;
  holder.style.backgroundPosition = `${-left}px ${-top}px`;
}

// A thumbnail as a button that opens the image.
function thumbnail(set, i) {
  const holder = element("span", { class: "thumb" });
  show(holder, set, i);
  const name = printable(set.path(i));
  return element("button", {
    type: "button", class: "picture", title: name,
    "aria-label": `${name}, score ${score(set.score[i])}`,
    onclick: () => detail.open(set, i),
  }, holder, element("span", { class: "note" }, score(set.score[i])));
}

async function copy(text, button) {
  await navigator.clipboard.writeText(text);
  const label = button.textContent;
  button.textContent = "Copied";
  setTimeout(() => { button.textContent = label; }, 1200);
}

document.addEventListener("click", (event) => {
  const button = event.target.closest("[data-copy]");
  if (button) copy($(button.dataset.copy).textContent, button);
});
