"use strict";
const cards = [...document.querySelectorAll(".card")];
const find = (id) => document.getElementById(id);
const isPicked = (card) => card.getAttribute("aria-pressed") === "true";
const canBePicked = (card) => card.getAttribute("aria-disabled") !== "true";

function pick(wanted) {
  for (const card of cards) {
    card.setAttribute("aria-pressed", String(canBePicked(card) && wanted(card)));
  }
  tell();
}

// The count, the lines and the command; the address keeps the picks when the page is loaded again.
function tell() {
  const picks = cards.filter(isPicked);
  find("count").textContent = `${picks.length} picked`;
  find("none").hidden = picks.length > 0;
  find("lines").textContent = picks.length
    ? ["validation:", "  picks:", ...picks.map((card) => `    - ${card.dataset.yaml}`)].join("\n")
    : "validation:\n  picks: []";
  const unwritable = picks.filter((card) => !card.dataset.override);
  find("command").textContent = unwritable.length
    ? `No command can hold the name ${unwritable[0].dataset.yaml}: write the lines into params.yaml.`
    : `dvc exp run -S 'validation.picks=[${picks.map((card) => card.dataset.override).join(",")}]'`;
  document.querySelector("[data-copies=command]").disabled = unwritable.length > 0;
  history.replaceState(null, "", `#${picks.map((card) => card.dataset.id).join(",")}`);
}

// Details stand beside each other where there is room; on a narrow screen below their photograph.
function compare(card) {
  for (const other of cards) other.classList.toggle("compared", other === card);
  find("compared").textContent = card.querySelector(".name").textContent;
  const details = card.querySelector(".details").cloneNode(true);
  details.removeAttribute("aria-hidden");
  for (const detail of details.querySelectorAll(".detail")) {
    const size = detail.querySelector(".size").textContent;
    const image = detail.querySelector("img");
    image.alt = size === "HR" ? "as it is" : `downscaled, ${size}, and enlarged to blocks`;
    image.loading = "eager";
  }
  details.append(find("caption").content.cloneNode(true));
  document.querySelector("#compare .details").replaceWith(details);
}

async function copy(button) {
  const text = find(button.dataset.copies);
  try {
    await navigator.clipboard.writeText(text.textContent);
  } catch {
    document.querySelector("#picks details").open = true;
    getSelection().selectAllChildren(text);
    document.execCommand("copy");
  }
  const label = button.textContent;
  button.textContent = "Copied";
  button.disabled = true;
  setTimeout(() => {
    button.textContent = label;
    button.disabled = false;
  }, 1200);
}

for (const card of cards) {
  card.addEventListener("click", () => {
    if (!canBePicked(card)) return;
    card.setAttribute("aria-pressed", String(!isPicked(card)));
    tell();
  });
  // Not when a card comes to lie below a pointer at rest, as the page is scrolled by Tab.
  card.addEventListener("pointermove", () => {
    if (!card.classList.contains("compared")) compare(card);
  });
  card.addEventListener("focus", () => compare(card));
}
for (const button of document.querySelectorAll("[data-copies]")) {
  button.addEventListener("click", () => copy(button));
}
find("clear").addEventListener("click", () => pick(() => false));
find("now").addEventListener("click", () => pick((card) => "chosen" in card.dataset));

document.querySelector("#picks details").open = matchMedia("(min-width: 64rem)").matches;
const kept = location.hash.slice(1).split(",");
pick((card) => (location.hash ? kept.includes(card.dataset.id) : "picked" in card.dataset));
if (cards.length) compare(cards[0]);
