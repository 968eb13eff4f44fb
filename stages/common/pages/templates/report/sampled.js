// A page of a sample of tiles: what is counted is of all, as it was run, and nothing is dragged,
// since a sample can't tell what rules of overlap and of photographs would keep.

tiles.sample = page.sets.subimages.sample;
const rankOf = (set, i) => (set.sample ? set.sample.rank[i] : i + 1);

// A method of a class, with what becomes of its result for a set of which there is a sample.
function ofSample(kind, name, change) {
  const method = kind.prototype[name];
  kind.prototype[name] = function (...given) {
    const found = method.apply(this, given);
    return this.set.sample ? change.call(this, found, ...given) : found;
  };
}

const changeCut = Cut.prototype.change;
Cut.prototype.change = function (...given) {
  if (!this.set.sample) return changeCut.apply(this, given);
  if (!this.line) this.still();
};

// The cut as it was run, which stays.
Cut.prototype.still = function () {
  const { set, block } = this, { figures: now, number } = set.sample;
  Object.assign(this, { now, before: now, line: [], kept: Uint8Array.from(set.status, (code) => Number(code === 0)) });
  this.showFigures();
  const last = this.kept.lastIndexOf(1), share = (last < 0 ? 0 : rankOf(set, last)) / number;
  place(this.sliders.count, share, 1 - share, "right");
  const floor = now ? Math.round(now.lowest * 1e6) : this.high;
  const from = (floor - this.low) / (this.high - this.low);
  place(this.sliders.score, from, from, "left");
  describe(this.sliders.count.handle, 0, number, now?.images ?? 0, `the best ${whole(now?.images ?? 0)} of ${whole(number)}`);
  describe(this.sliders.score.handle, this.low / 1e6, this.high / 1e6, floor / 1e6, `from score ${floor / 1e6}`);
  $(".count input", block).value = now?.images ?? 0;
  $(".score input", block).value = fixed(floor / 1e6, 6).replace(/0{1,3}$/, "");
  for (const one of this.limits) one.show();
  for (const handle of $$("[role=slider]", block)) {
    handle.tabIndex = -1;
    handle.setAttribute("aria-disabled", "true");
  }
  for (const axes of $$(".axes", block)) axes.style.pointerEvents = "none";
  for (const field of $$("input, .reset, [data-limit]", block)) field.disabled = true;
  $(".take", block).hidden = true;
  const shown = (some) => some.map((i) => thumbnail(set, i));
  const kept = [], dropped = [];
  for (let i = 0; i < set.length; i++) {
    if (this.kept[i]) kept.push(i);
    else if (dropped.length < EDGE && /^below the (best|score)/.test(set.statuses[set.status[i]])) dropped.push(i);
  }
  $(".last-kept", block).replaceChildren(...shown(kept.slice(-EDGE)));
  $(".first-dropped", block).replaceChildren(...shown(dropped));
};

ofSample(Gallery, "cell", function (made, k) {
  const i = this.shown[k];
  $(".note", made).textContent = `#${whole(rankOf(this.set, i))} · ${score(this.set.score[i])}`;
  return made;
});

// Numbers are of all tiles; nothing comes in or goes out.
ofSample(Gallery, "statuses", function (entries) {
  const { number, counts } = this.set.sample, { statuses } = this.set;
  const of = { all: number, dropped: number - counts[0] };
  statuses.forEach((name, code) => { of[name] = counts[code]; });
  return entries.filter(([value]) => value !== "come" && value !== "go").map(([value, text]) =>
    [value, value in of ? text.replace(/\([\d,]+\)$/, (shown) => `(${shown.slice(1, -1)} of ${whole(of[value])})`) : text]);
});

ofSample(Gallery, "filter", function () {
  $(".found", this.block).textContent += ` of a sample; the set has ${whole(this.set.sample.number)}`;
});

ofSample(Detail, "facts", function (facts) {
  const { set, i } = this, { number } = set.sample;
  return facts.map(([name, value]) => (name === "Score"
    ? [name, `${fixed(set.score[i] / 1e6, 6)}, rank ${whole(rankOf(set, i))} of ${whole(number)}`]
    : [name, value]));
});

// Of a photograph, too, the page has a part of its tiles.
const lineageOf = Detail.prototype.lineage;
Detail.prototype.lineage = function () {
  const shown = lineageOf.call(this);
  for (const one of shown) if (/^Its /.test(one.textContent) && one.tagName === "H3") one.textContent += ", in this sample";
  return shown;
};
