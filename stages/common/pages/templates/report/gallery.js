// The gallery: all tiles or all photographs. Only the pictures in sight are in the document.

const STEP = { x: 140, y: 172 }, MARGIN = 2; // px of a cell, at least; rows drawn above and below

const ORDERS = {
  best: (set) => Int32Array.from({ length: set.length }, (_, i) => i),
  worst: (set) => ORDERS.best(set).reverse(),
  heavy: (set) => by(set, (i) => -set.bytes[i]),
  light: (set) => by(set, (i) => set.bytes[i]),
  sparse: (set) => by(set, (i) => set.bytesPerPixel(i)),
  dense: (set) => by(set, (i) => -set.bytesPerPixel(i)),
  name: (set) => Int32Array.from({ length: set.length }, (_, i) => i).sort((a, b) =>
    set.name(a) < set.name(b) ? -1 : 1),
};

// By a measure, as `bits low`; what is not measured comes last.
function byMeasure(order) {
  const [name, end] = order.split(" "), sign = end === "low" ? 1 : -1;
  return (set) => by(set, (i) => (i < set.ranked ? sign * set.measures[name][i] : Infinity));
}

function by(set, value) {
  const values = Float64Array.from({ length: set.length }, (_, i) => value(i));
  return Int32Array.from(values.keys()).sort((a, b) => values[a] - values[b] || a - b);
}

class Gallery {
  constructor(block) {
    this.block = block;
    this.list = $("[role=listbox]", block);
    this.canvas = this.list.firstElementChild;
    this.fields = $("form", block);
    this.orders = {};
    this.cells = new Map();
    this.active = 0;
    this.fields.addEventListener("input", () => this.filter());
    this.fields.elements.photograph.addEventListener("input", (event) => this.suggest(event.target.value));
    this.fields.addEventListener("submit", (event) => event.preventDefault());
    this.fields.addEventListener("reset", () => setTimeout(() => this.filter()));
    for (const tab of $$("[data-tab]", $(".tabs", block))) {
      tab.addEventListener("click", () => this.choose(tab.dataset.tab));
    }
    this.list.addEventListener("scroll", () => this.draw(), { passive: true });
    this.list.addEventListener("keydown", (event) => {
      if (!event.ctrlKey && !event.metaKey && !event.altKey && this.key(event.key)) event.preventDefault();
    });
    this.list.addEventListener("click", (event) => this.click(event));
    new ResizeObserver(() => this.layOut()).observe(this.list);
    document.addEventListener("cut", (event) => this.recut(event.target));
    this.choose("subimages");
  }

  // Show photographs or tiles, with what a number of the page stands for.
  choose(key, status = "all") {
    this.set = sets[key];
    for (const tab of $$("[data-tab]", $(".tabs", this.block))) {
      tab.setAttribute("aria-pressed", String(tab.dataset.tab === key));
    }
    const { section, scale, order, status: statuses } = this.fields.elements;
    for (const option of $$("[value*=' ']", order)) option.remove();
    order.append(...Object.keys(this.set.measures).flatMap((name) => ["low", "high"].map((end) =>
      element("option", { value: `${name} ${end}` }, `${end === "low" ? "least" : "most"} ${name} first`))));
    options(section, [["", "all sections"], ...this.set.sections.map((name, i) => [i, name])]);
    options(scale, [["", "all scales"], ...this.set.scales.map((name, i) => [i, name])]);
    scale.closest("label").hidden = !this.set.scales.length;
    options(statuses, this.statuses());
    this.fields.reset();
    statuses.value = status;
    this.filter();
  }

  statuses() {
    const counts = new Int32Array(this.set.statuses.length);
    for (let i = 0; i < this.set.length; i++) counts[this.set.status[i]]++;
    const one = (name, i) => [name, `${name} (${whole(counts[i])})`];
    const dropped = this.set.length - counts[0];
    return [
      ["all", `all (${whole(this.set.length)})`],
      ...(this.set.ranked < this.set.length ? [["ranked", `may be used (${whole(this.set.ranked)})`]] : []),
      one("kept", 0),
      ["dropped", `not kept (${whole(dropped)})`],
      ...this.set.statuses.map(one).slice(1).filter((_, i) => counts[i + 1]),
      ["come", "would come in with the dragged cut"],
      ["go", "would go out with the dragged cut"],
      ["marked", "marked to be left out"],
    ];
  }

  recut(block) {
    const cut = cuts[block.dataset.set];
    const status = this.fields.elements.status.value;
    if (cut.set === this.set && (status === "come" || status === "go")) this.filter();
  }

  // A function that says whether an image is asked for.
  wanted() {
    const { set } = this, asked = new FormData(this.fields);
    const section = asked.get("section"), scale = asked.get("scale"), status = asked.get("status");
    const words = asked.get("search").toLowerCase().split(/\s+/).filter(Boolean);
    const place = set.statuses.indexOf(status), kept = cuts[set.key].kept;
    const from = this.photographs(asked.get("photograph"));
    const has = {
      all: () => true,
      ranked: (i) => i < set.ranked,
      dropped: (i) => !set.isKept(i),
      come: (i) => kept[i] && !set.isKept(i),
      go: (i) => !kept[i] && set.isKept(i),
      marked: (i) => leaveOut.has(set, i),
    }[status] ?? ((i) => set.status[i] === place);
    return (i) =>
      has(i) &&
      (section === "" || set.section[i] === Number(section)) &&
      (scale === "" || scale === null || set.scale(i) === Number(scale)) &&
      (from === null || from[set.photograph(i)] === 1) &&
      words.every((word) => set.name(i).includes(word));
  }

  // Which photographs are meant: the one of this path, or all whose paths contain the text.
  photographs(text) {
    if (!text) return null;
    const found = new Uint8Array(photographs.length), part = text.toLowerCase();
    const exact = photographs.paths.findIndex((path) => printable(path) === text);
    for (let i = 0; i < found.length; i++) {
      found[i] = exact < 0 ? photographs.name(i).includes(part) : i === exact;
    }
    return found;
  }

  // Names to choose from, a few of those that fit.
  suggest(text) {
    const found = this.photographs(text || "/") ?? [];
    const fitting = photographs.paths.filter((_, i) => found[i]).slice(0, 50);
    $("#photographs").replaceChildren(...fitting.map((path) => element("option", { value: printable(path) })));
  }

  filter() {
    const { set } = this, order = this.fields.elements.order.value;
    const sorted = (this.orders[`${set.key} ${order}`] ??= (ORDERS[order] ?? byMeasure(order))(set));
    this.shown = sorted.filter(this.wanted());
    this.active = 0;
    this.list.scrollTop = 0;
    const what = set.key === "images" ? "photographs" : "tiles";
    $(".found", this.block).textContent = `${whole(this.shown.length)} of ${whole(set.length)} ${what}`;
    this.layOut();
  }

  layOut() {
    const width = this.canvas.clientWidth;
    this.across = Math.max(1, Math.floor(width / STEP.x));
    this.step = Math.floor(width / this.across);
    this.canvas.style.height = `${Math.ceil(this.shown.length / this.across) * STEP.y}px`;
    for (const cell of this.cells.values()) cell.remove();
    this.cells.clear();
    this.draw();
  }

  // Put the cells in sight into the document, and take the others out.
  draw() {
    const first = Math.max(0, Math.floor(this.list.scrollTop / STEP.y) - MARGIN);
    const rows = Math.ceil(this.list.clientHeight / STEP.y) + 2 * MARGIN;
    const from = first * this.across, to = Math.min(this.shown.length, (first + rows) * this.across);
    for (const [k, cell] of this.cells) {
      if (k >= from && k < to) continue;
      cell.remove();
      this.cells.delete(k);
    }
    for (let k = from; k < to; k++) {
      if (this.cells.has(k)) continue;
      const cell = this.cell(k);
      this.cells.set(k, cell);
      this.canvas.append(cell);
    }
    this.mark();
  }

  cell(k) {
    const { set } = this, i = this.shown[k], picture = element("span", { class: "thumb" });
    show(picture, set, i);
    const status = set.statuses[set.status[i]], name = printable(set.path(i));
    const place = i < set.ranked ? `#${whole(i + 1)} · ${score(set.score[i])}` : score(set.score[i]);
    const cell = element("div", {
      role: "option", id: `cell-${k}`, class: set.isKept(i) ? "cell" : "cell dropped",
      "aria-setsize": this.shown.length, "aria-posinset": k + 1, title: `${name}\n${status}`,
      "aria-label": `${name}, score ${score(set.score[i])}, ${status}`,
    }, picture, element("span", { class: "note" }, place),
    element("span", { class: "status" }, status));
    const left = (k % this.across) * this.step, top = Math.floor(k / this.across) * STEP.y;
    cell.style.width = `${this.step - 4}px`;
    cell.style.transform = `translate(${left}px, ${top}px)`;
    cell.dataset.place = k;
    return cell;
  }

  // Show which picture is active and which are marked to be left out.
  mark() {
    for (const [k, cell] of this.cells) {
      cell.classList.toggle("active", k === this.active);
      cell.setAttribute("aria-selected", String(leaveOut.has(this.set, this.shown[k])));
    }
    if (this.cells.has(this.active)) this.list.setAttribute("aria-activedescendant", `cell-${this.active}`);
    else this.list.removeAttribute("aria-activedescendant");
  }

  move(k) {
    this.active = Math.min(this.shown.length - 1, Math.max(0, k));
    const top = Math.floor(this.active / this.across) * STEP.y, { clientHeight } = this.list;
    if (top < this.list.scrollTop) this.list.scrollTop = top;
    if (top + STEP.y > this.list.scrollTop + clientHeight) this.list.scrollTop = top + STEP.y - clientHeight;
    this.draw();
  }

  key(key) {
    if (!this.shown.length) return false;
    const far = this.across * Math.max(1, Math.floor(this.list.clientHeight / STEP.y));
    const steps = { ArrowLeft: -1, ArrowRight: 1, ArrowUp: -this.across, ArrowDown: this.across };
    Object.assign(steps, { PageUp: -far, PageDown: far, Home: -Infinity, End: Infinity });
    if (key in steps) this.move(this.active + steps[key]);
    else if (key === "Enter" || key === " ") this.open(this.active);
    else if (key === "x") leaveOut.toggle(this.set, this.shown[this.active]);
    else return false;
    return true;
  }

  click(event) {
    const cell = event.target.closest("[role=option]");
    if (!cell) return;
    this.active = Number(cell.dataset.place);
    this.mark();
    this.open(this.active);
  }

  open(k) {
    detail.open(this.set, this.shown[k], this.shown, k);
  }
}

function options(select, entries) {
  select.replaceChildren(...entries.map(([value, text]) => element("option", { value }, text)));
}

// A number leads to the pictures behind it.
document.addEventListener("click", (event) => {
  const link = event.target.closest("[data-status]");
  if (!link) return;
  gallery.choose(link.dataset.tab, link.dataset.status);
  gallery.block.scrollIntoView({ behavior: "smooth" });
  gallery.list.focus({ preventScroll: true });
  event.preventDefault();
});
