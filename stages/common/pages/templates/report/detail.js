// One image, in full size, and where it comes from.

class Detail {
  constructor(dialog) {
    this.dialog = dialog;
    $(".close", dialog).addEventListener("click", () => dialog.close());
    $(".back", dialog).addEventListener("click", () => this.step(-1));
    $(".next", dialog).addEventListener("click", () => this.step(1));
    $(".mark", dialog).addEventListener("click", () => leaveOut.toggle(this.set, this.i));
    $(".siblings", dialog).addEventListener("click", () => this.showSiblings());
    dialog.addEventListener("click", (event) => { if (event.target === dialog) dialog.close(); });
    dialog.addEventListener("keydown", (event) => {
      if (event.target.matches("input, textarea")) return;
      if (event.key === "ArrowLeft") this.step(-1);
      else if (event.key === "ArrowRight") this.step(1);
      else if (event.key === "x") leaveOut.toggle(this.set, this.i);
    });
  }

  // `list` are the images to step through, of which this is number `k`.
  open(set, i, list = [i], k = 0) {
    Object.assign(this, { set, i, list, k });
    const isTile = set === tiles;
    $("h2", this.dialog).textContent = printable(set.path(i));
    $(".full", this.dialog).replaceChildren(isTile ? fullSize(set, i) : large(set, i));
    $(".facts", this.dialog).replaceChildren(...this.facts().flatMap(([name, value]) =>
      [element("dt", {}, name), element("dd", {}, value)]));
    $(".lineage", this.dialog).replaceChildren(...this.lineage());
    $(".back", this.dialog).disabled = k === 0;
    $(".next", this.dialog).disabled = k === list.length - 1;
    this.mark();
    if (!this.dialog.open) this.dialog.showModal();
    this.dialog.scrollTop = 0;
  }

  step(by) {
    const k = this.k + by;
    if (k >= 0 && k < this.list.length) this.open(this.set, this.list[k], this.list, k);
  }

  mark() {
    if (!this.set) return;
    const button = $(".mark", this.dialog);
    button.setAttribute("aria-pressed", String(leaveOut.has(this.set, this.i)));
  }

  facts() {
    const { set, i } = this, facts = [];
    const status = set.statuses[set.status[i]], why = printable(set.detail(i));
    facts.push(["Decision", why ? `${status}: ${why}` : status]);
    if (i < set.ranked) facts.push(["Score", `${fixed(set.score[i] / 1e6, 6)}, rank ${whole(i + 1)} of ${whole(set.ranked)}`]);
    facts.push(["Section", set.sections[set.section[i]]]);
    if (set === tiles) {
      facts.push(["Photograph", printable(photographs.path(set.photograph(i)))]);
      facts.push(["Scale", set.scales[set.scale(i)]]);
      facts.push(["Box", `${set.width[i]} × ${set.height[i]} px at ${set.left[i]}, ${set.top[i]}`]);
    } else {
      facts.push(["Size", `${whole(set.width[i])} × ${whole(set.height[i])} px, ${set.modes[set.mode[i]]}`]);
    }
    if (i < set.ranked) facts.push(["Measures", Object.entries(set.measures).map(([name, values]) =>
      `${name} ${measure(values[i])}`).join(", ")]);
    facts.push([set === tiles ? "PNG, about" : "File", `${kilobytes(set.bytes[i])}, ${set.bytesPerPixel(i).toFixed(3)} bytes a pixel`]);
    facts.push(["SHA-256", set.sha256(i)]);
    return facts;
  }

  // The photograph, and all its tiles.
  lineage() {
    const { set, i } = this, photograph = set.photograph(i), all = tiles.of(photograph);
    const shown = [];
    if (set === tiles) {
      shown.push(element("h3", {}, "Where it was cut"), cutFrom(i));
      shown.push(element("button", { type: "button", class: "plain", onclick: () => this.open(photographs, photograph) },
        "Look at the photograph"));
    }
    const others = all.filter((tile) => set !== tiles || tile !== i);
    if (others.length) {
      const what = set === tiles ? "Its other tiles" : "Its tiles";
      const kept = others.filter((tile) => tiles.isKept(tile)).length;
      shown.push(element("h3", {}, `${what}: ${whole(kept)} of ${whole(others.length)} are kept`));
      const button = (tile) => {
        const made = thumbnail(tiles, tile);
        if (!tiles.isKept(tile)) made.classList.add("dropped");
        return made;
      };
      shown.push(element("div", { class: "pictures" }, ...others.slice(0, 120).map(button)));
    }
    $(".siblings", this.dialog).hidden = all.length === 0;
    return shown;
  }

  // The gallery with the tiles of this photograph alone.
  showSiblings() {
    const path = printable(photographs.path(this.set.photograph(this.i)));
    this.dialog.close();
    gallery.choose("subimages");
    gallery.fields.elements.photograph.value = path;
    gallery.filter();
    gallery.block.scrollIntoView();
    gallery.list.focus({ preventScroll: true });
  }
}

// A tile in full size; where it is no file, its thumbnail, and what it is.
function fullSize(set, i) {
  const file = set.file(i);
  if (file === "") {
    const photograph = printable(photographs.path(set.photograph(i))), parent = set.parent[i];
    return element("div", {}, small(set, i), element("p", { class: "note" },
      `Not kept, so it is no file (subimages.files: kept). It is the box ${set.width[i]} × ${set.height[i]} px ` +
      `at ${set.left[i]}, ${set.top[i]} of ${photograph} at ${set.parentWidth[parent]} × ${set.parentHeight[parent]} px.`));
  }
  return element("a", { href: file, target: "_blank" }, element("img", {
    src: file, width: set.width[i], height: set.height[i], alt: `The tile ${set.path(i)}`,
  }));
}

function small(set, i) {
  const made = element("span", { class: "thumb", role: "img", "aria-label": "Thumbnail" });
  show(made, set, i);
  return made;
}

// A photograph as it was downscaled least, or itself; where neither can be shown, its thumbnail.
function large(set, i) {
  const [first] = tiles.of(i).sort((a, b) => tiles.parentWidth[tiles.parent[b]] - tiles.parentWidth[tiles.parent[a]]);
  const file = set.file(i), source = first === undefined ? "" : tiles.parentFile(first);
  const words = file ? "Open the photograph's own file" : `The photograph is ${set.where(i)}`;
  const parts = [small(set, i), element("span", { class: "note" }, words)];
  if (source) {
    const parent = tiles.parent[first];
    const large = element("img", {
      src: source, width: tiles.parentWidth[parent], height: tiles.parentHeight[parent],
      alt: `The photograph ${printable(set.path(i))}`,
    });
    parts.splice(0, file ? 2 : 1, large);
  }
  return file ? element("a", { href: file, target: "_blank" }, ...parts) : element("div", {}, ...parts);
}

// The image that a tile was cut from, with its box.
function cutFrom(i) {
  const parent = tiles.parent[i], width = tiles.parentWidth[parent], height = tiles.parentHeight[parent];
  const box = element("span", { class: "box" }), share = (part, all) => `${(100 * part) / all}%`;
  box.style.left = share(tiles.left[i], width);
  box.style.top = share(tiles.top[i], height);
  box.style.width = share(tiles.width[i], width);
  box.style.height = share(tiles.height[i], height);
  const source = tiles.parentFile(i), alt = "The photograph at this scale";
  const image = source
    ? element("img", { src: source, width, height, alt })
    : element("div", { class: "blank", style: `width: ${width}px; aspect-ratio: ${width} / ${height}` });
  return element("div", { class: "parent" }, image, box);
}
