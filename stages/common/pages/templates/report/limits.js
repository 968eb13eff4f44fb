// The limit of a measure, dragged on its histogram.

class LimitSlider {
  constructor(cut, figure) {
    Object.assign(this, { cut, figure, name: figure.dataset.measure, end: figure.dataset.end });
    this.low = Number(figure.dataset.low);
    this.high = Number(figure.dataset.high);
    this.line = slider($(".axes", figure), (share) => this.set(this.low + share * (this.high - this.low)),
      (key) => this.key(key));
    this.input = $("input", figure);
    this.input.addEventListener("change", () => this.set(Number(this.input.value)));
  }

  // The limit; where there is none, the end of the chart at which nothing is dropped.
  now() {
    return this.cut.cutoff.limits[this.name]?.[this.end] ?? (this.end === "min" ? this.low : this.high);
  }

  set(value) {
    if (!Number.isFinite(value)) return this.show();
    const step = this.step();
    this.cut.byLimit(this.name, this.end, Number((Math.round(value / step) * step).toFixed(6)));
  }

  // A round number of which the chart has some hundreds.
  step() {
    return Math.max(1e-6, 10 ** Math.floor(Math.log10((this.high - this.low) / 200)));
  }

  key(key) {
    const one = this.step(), far = 20 * one;
    const steps = { ArrowLeft: -one, ArrowDown: -one, ArrowRight: one, ArrowUp: one };
    Object.assign(steps, { PageDown: -far, PageUp: far, Home: -Infinity, End: Infinity });
    if (!(key in steps)) return false;
    this.set(Math.min(this.high, Math.max(this.low, this.now() + steps[key])));
    return true;
  }

  show() {
    const now = this.now(), has = this.cut.cutoff.limits[this.name]?.[this.end] !== undefined;
    const share = Math.min(1, Math.max(0, (now - this.low) / (this.high - this.low)));
    place(this.line, share, this.end === "min" ? share : 1 - share, this.end === "min" ? "left" : "right");
    const what = this.end === "min" ? "at least" : "at most";
    describe(this.line.handle, this.low, this.high, now, has ? `${what} ${now}` : "no limit");
    this.figure.classList.toggle("active", has);
    if (has) this.input.value = now;
    else this.input.value = "";
  }
}
