// The cut that is dragged: by count on the curve, by score on the histogram, by a limit on those of
// the measures.

const EDGE = 12; // pictures on each side of the cut
const CALM = 100; // ms at least from one change of these pictures to the next: sheets take time to draw

class Cut {
  constructor(block) {
    this.block = block;
    this.set = sets[block.dataset.set];
    this.asRun = page.cutoffs[this.set.key];
    this.cutoff = this.asRun;
    this.before = figures(this.set, decide(this.set, this.asRun));
    const low = this.set.score[this.set.ranked - 1], high = this.set.score[0];
    [this.low, this.high] = high > low ? [low, high] : [low - 1000, low + 1000];
    this.sliders = {
      count: this.slider("count", (share) => this.byCount(this.countAt(share))),
      score: this.slider("score", (share) => this.byScore(this.scoreAt(share))),
    };
    this.limits = $$(".limit", block).map((figure) => new LimitSlider(this, figure));
    $(".count input", block).addEventListener("change", (event) =>
      this.byCount(Number(event.target.value)));
    $(".score input", block).addEventListener("change", (event) =>
      this.byScore(Number(event.target.value)));
    $(".reset", block).addEventListener("click", () => this.change(this.asRun));
    for (const button of $$("[data-limit]", block)) {
      button.addEventListener("click", () => this.take(button.dataset));
    }
    this.change(this.asRun);
  }

  countAt(share) {
    const rank = share * this.set.ranked;
    let low = 0, high = this.line.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.line[middle] < rank) low = middle + 1; else high = middle;
    }
    return low;
  }

  scoreAt(share) {
    return Math.round((this.low + share * (this.high - this.low)) / 1000) / 1000;
  }

  byCount(count) {
    const most = this.line.length;
    if (!Number.isFinite(count) || !most) return this.change(this.cutoff);
    const { minScore } = this.asRun;
    this.change({ ...this.cutoff, minScore, count: Math.min(most, Math.max(1, Math.round(count))) });
  }

  byScore(minScore) {
    if (!Number.isFinite(minScore)) return this.change(this.cutoff);
    this.change({ ...this.cutoff, count: null, minScore: Math.round(minScore * 1e6) / 1e6 });
  }

  // Another end, min or max, of a measure's limit.
  byLimit(name, end, value) {
    const limit = { ...this.cutoff.limits[name], [end]: value };
    this.change({ ...this.cutoff, limits: { ...this.cutoff.limits, [name]: limit } }, { name, end });
  }

  // The cutoff of a line of the what-if table.
  take({ by, limit }) {
    this.change(this.asRun);
    if (by === "count") this.byCount(Number(limit));
    else if (by === "min_score") this.byScore(Number(limit));
  }

  slider(kind, at) {
    return slider($(`.${kind} .axes`, this.block), at, (key) => this.key(kind, key));
  }

  key(kind, key) {
    const far = { count: Math.max(10, Math.round(this.line.length / 20)), score: 0.01 }[kind];
    const one = { count: 1, score: 0.001 }[kind];
    const steps = { ArrowLeft: -one, ArrowDown: -one, ArrowRight: one, ArrowUp: one };
    Object.assign(steps, { PageDown: -far, PageUp: far, Home: -Infinity, End: Infinity });
    if (!(key in steps)) return false;
    if (kind === "count") {
      const count = this.count + steps[key];
      this.byCount(Math.min(this.line.length, Math.max(1, count)));
    } else {
      const next = this.floor() / 1e6 + steps[key];
      const [low, high] = [Math.ceil(this.low / 1000) / 1000, Math.floor(this.high / 1000) / 1000];
      this.byScore(Math.round(Math.min(high, Math.max(low, next)) * 1000) / 1000);
    }
    return true;
  }

  // The floor; without one the score of the last that is kept.
  floor() {
    if (this.cutoff.minScore !== null && this.cutoff.count === null) return least(this.cutoff.minScore);
    return this.now ? Math.round(this.now.lowest * 1e6) : this.high;
  }

  // `limit` is the one that was changed last, if one was: pictures around it are shown.
  change(cutoff, limit = null) {
    performance.mark("cut-start");
    if (this.line === undefined || cutoff.limits !== this.cutoff.limits) {
      this.line = countable(this.set, cutoff);
    }
    Object.assign(this, { cutoff, limit });
    this.kept = decide(this.set, cutoff);
    this.now = figures(this.set, this.kept);
    this.countKept();
    this.showLines();
    for (const one of this.limits) one.show();
    this.showFigures();
    this.showEdgeSoon();
    this.showLinesToCopy();
    performance.measure("cut", "cut-start");
    this.block.dispatchEvent(new CustomEvent("cut", { bubbles: true }));
  }

  // How many of the images that the count is about are kept, and the rank of the last.
  countKept() {
    const { groups, others } = rules(this.set, this.cutoff);
    this.count = this.last = 0;
    for (let i = 0; i < this.set.ranked; i++) {
      if (!this.kept[i] || groups[this.set.section[i]] !== others) continue;
      this.count++;
      this.last = i + 1;
    }
  }

  showLines() {
    const byCount = this.cutoff.count !== null || this.cutoff.minScore === null;
    const { count, last } = this, floor = this.floor();
    const { count: counts, score: scores } = this.sliders;
    const most = Math.max(count, this.line.length);
    place(counts, last / this.set.ranked, 1 - last / this.set.ranked, "right");
    const share = Math.min(1, Math.max(0, (floor - this.low) / (this.high - this.low)));
    place(scores, share, share, "left");
    describe(counts.handle, Math.min(1, most), most, count, `the best ${whole(count)} of ${whole(most)}`);
    describe(scores.handle, this.low / 1e6, this.high / 1e6, floor / 1e6, `from score ${floor / 1e6}`);
    $(".count", this.block).classList.toggle("active", byCount);
    $(".score", this.block).classList.toggle("active", !byCount);
    $(".count input", this.block).value = count;
    $(".score input", this.block).value = fixed(floor / 1e6, 6).replace(/0{1,3}$/, "");
  }

  showFigures() {
    const { now, before } = this;
    const shown = now && {
      images: [whole(now.images), difference(now.images, before?.images)],
      mean: [fixed(now.mean, 6), difference(now.mean, before?.mean, 6)],
      lowest: [fixed(now.lowest, 6), difference(now.lowest, before?.lowest, 6)],
      GB: [fixed(now.bytes / 1e9, 4), difference(now.bytes / 1e9, before && before.bytes / 1e9, 4)],
      photographs: [whole(now.photographs), difference(now.photographs, before?.photographs)],
      largest: [percent(now.largest), difference(100 * now.largest, before && 100 * before.largest, 1)],
    };
    for (const holder of $$("[data-figure]", this.block)) {
      const [value, change] = shown?.[holder.dataset.figure] ?? ["–", ""];
      holder.firstElementChild.textContent = value;
      holder.lastElementChild.textContent = change;
    }
    $(".nothing", this.block).hidden = now !== null;
    for (const kind of ["sections", "scales"]) {
      for (const row of $$(`[data-share=${kind}]`, this.block)) {
        const share = now?.[kind][row.dataset.place] ?? 0;
        row.style.setProperty("--share", share);
        $(".percent", row).textContent = percent(share);
      }
    }
  }

  showEdgeSoon() {
    clearTimeout(this.waiting);
    const wait = (this.changed ?? 0) + CALM - performance.now();
    this.waiting = setTimeout(() => {
      this.changed = performance.now();
      this.showEdge();
    }, Math.max(0, wait));
  }

  showEdge() {
    const { set, kept } = this, last = [], first = [];
    if (this.limit) return this.showLimit();
    const free = decide(set, withoutRank(this.cutoff));
    for (let i = set.ranked - 1; i >= 0 && last.length < EDGE; i--) if (kept[i]) last.push(i);
    for (let i = 0; i < set.ranked && first.length < EDGE; i++) {
      if (!kept[i] && free[i]) first.push(i);
    }
    $(".last-kept", this.block).replaceChildren(...last.reverse().map((i) => thumbnail(set, i)));
    $(".first-dropped", this.block).replaceChildren(...first.map((i) => thumbnail(set, i)));
  }

  // The pictures on both sides of a limit.
  showLimit() {
    const { set, limit: { name, end } } = this, values = set.measures[name];
    const limit = this.cutoff.limits[name][end], line = end === "min" ? least(limit) : greatest(limit);
    const inside = (i) => (end === "min" ? values[i] >= line : values[i] <= line);
    const near = [...values.keys()].filter((i) => !set.earlier[i]).sort((a, b) =>
      Math.abs(values[a] - line) - Math.abs(values[b] - line) || a - b);
    const shown = (some) => some.slice(0, EDGE).map((i) => thumbnail(set, i));
    $(".last-kept", this.block).replaceChildren(...shown(near.filter(inside)));
    $(".first-dropped", this.block).replaceChildren(...shown(near.filter((i) => !inside(i))));
  }

  showLinesToCopy() {
    const { count, minScore, limits } = this.cutoff, key = `cutoff.${this.set.key}`;
    const value = (limit) => (limit === null ? "null" : String(limit));
    const asBefore = minScore === this.asRun.minScore;
    const floor = asBefore ? this.asRun.written : value(minScore);
    const settings = [`${key}.count=${value(count)}`];
    if (!asBefore) settings.push(`${key}.min_score=${floor}`);
    const limited = limits !== this.asRun.limits;
    const inside = Object.entries(limits).map(([name, limit]) =>
      `${name}: {${Object.entries(limit).map(([end, number]) => `${end}: ${number}`).join(", ")}}`);
    const written = `{${inside.join(", ")}}`;
    if (limited) settings.push(`'${key}.limits=${written}'`);
    // shares are of a count: without one, params.yaml can have none
    const unshared = count === null && (this.cutoff.shares ?? []).length > 0;
    if (unshared) settings.push(`${key}.scales=null`);
    const byCount = count !== null, ofTiles = this.set === tiles;
    const asked = byCount ? `COUNTS=${count}` : `MIN_SCORES=${minScore}`;
    const set = `SET="${settings.join(" ")}"`;
    const lines = {
      yaml: `cutoff:\n  ${this.set.key}:\n    count: ${value(count)}\n    min_score: ${floor}`
        + (limited ? `\n    limits: ${written}` : "") + (unshared ? "\n    scales: null" : ""),
      compare: `make compare ${ofTiles && !limited && !unshared && (byCount || minScore !== null) ? asked : set}`,
      experiment: `dvc exp run ${settings.map((setting) => `-S ${setting}`).join(" ")} summary`,
    };
    for (const [name, text] of Object.entries(lines)) {
      $(`.${name}`, this.block).textContent = this.now ? text : "";
    }
  }
}
