// All parts begin here, in this order: each needs those before it.

const leaveOut = new LeaveOut($("#leave-out"));
const detail = new Detail($("#detail"));
const cuts = {};
for (const block of $$(".cut")) cuts[block.dataset.set] = new Cut(block);
const gallery = new Gallery($("#gallery"));
leaveOut.show();

// At the head the best tile of each photograph, best first.
const heads = new Map();
for (let i = 0; i < tiles.length && heads.size < 12; i++) {
  if (!heads.has(tiles.photograph(i))) heads.set(tiles.photograph(i), i);
}
$("#best").append(...[...heads.values()].map((i) => thumbnail(tiles, i)));

for (const tab of $$(".cuts .tabs button")) {
  tab.addEventListener("click", () => {
    for (const other of $$(".cuts .tabs button")) other.setAttribute("aria-pressed", String(other === tab));
    for (const block of $$(".cut")) block.hidden = block.dataset.set !== tab.dataset.cut;
  });
}
performance.mark("ready");
