// Images that a person leaves out: marked here, written into data/leave_out.csv by hand.

class LeaveOut {
  constructor(block) {
    this.block = block;
    this.key = `leave out of ${page.name}`;
    this.reasons = new Map(this.remembered()); // by `set path`
    $(".clear", block).addEventListener("click", () => {
      this.reasons.clear();
      this.changed();
    });
  }

  // What was marked when the page was last open.
  remembered() {
    try {
      return JSON.parse(localStorage.getItem(this.key) ?? "[]");
    } catch {
      return []; // the browser keeps nothing for pages from disk
    }
  }

  remember() {
    try {
      localStorage.setItem(this.key, JSON.stringify([...this.reasons]));
    } catch {
      // as above
    }
  }

  has(set, i) {
    return this.reasons.size > 0 && this.reasons.has(`${set.key} ${set.path(i)}`);
  }

  toggle(set, i) {
    const id = `${set.key} ${set.path(i)}`;
    if (!this.reasons.delete(id)) this.reasons.set(id, "");
    this.changed();
  }

  changed() {
    this.remember();
    this.show();
    gallery.mark();
    detail.mark();
  }

  // The marked images: their set and place; those that are no more in the set are passed over.
  marked() {
    const found = [];
    for (const set of Object.values(sets)) {
      for (let i = 0; i < set.length && this.reasons.size; i++) if (this.has(set, i)) found.push([set, i]);
    }
    return found;
  }

  show() {
    const marked = this.marked();
    const row = ([set, i]) => {
      const id = `${set.key} ${set.path(i)}`, name = printable(set.path(i));
      return element("li", {}, thumbnail(set, i), element("div", {},
        element("span", { class: "path" }, name),
        element("input", {
          value: this.reasons.get(id), placeholder: "reason", "aria-label": `Why ${name} is left out`,
          oninput: (event) => {
            this.reasons.set(id, event.target.value);
            this.remember();
            this.write(marked);
          },
        }),
        element("button", { type: "button", onclick: () => this.toggle(set, i) }, "Keep it")));
    };
    $(".marked", this.block).replaceChildren(...marked.map(row));
    $(".none", this.block).hidden = marked.length > 0;
    $(".some", this.block).hidden = marked.length === 0;
    $("#marked-count").textContent = marked.length ? String(marked.length) : "";
    this.write(marked);
  }

  write(marked) {
    const line = ([set, i]) => {
      const path = set.path(i), plain = printable(path) === path; // else its hash names it
      return `${cell(plain ? path : set.sha256(i))},${cell(this.reasons.get(`${set.key} ${path}`) || "by hand")}`;
    };
    $("#leave-out-lines").textContent = ["image,reason", ...marked.map(line)].join("\n") + "\n";
  }
}

// A cell of a CSV file.
function cell(text) {
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
