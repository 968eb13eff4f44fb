// The decision of stages/common/cutoffs.py and the figures of stages/common/figures.py, for a cut
// that is dragged: the same rows are kept, the same figures come out, to the last digit.

// The least whole millionth that is not below a number of params.yaml.
function least(number) {
  if (number === null || number === undefined) return -Infinity;
  let millionths = Math.ceil(number * 1e6);
  while ((millionths - 1) / 1e6 >= number) millionths--;
  while (millionths / 1e6 < number) millionths++;
  return millionths;
}

// The greatest whole millionth that is not above a number of params.yaml.
function greatest(number) {
  return number === null || number === undefined ? Infinity : -least(-number);
}

// Of each section its floor and its group; of each group how many are kept. A section with a count
// of its own is a group of its own; the last group is that of all the others.
function rules(set, cutoff) {
  const others = set.sections.length;
  const floors = [], groups = [], most = new Array(others + 1).fill(Infinity);
  set.sections.forEach((_, section) => {
    floors.push(least(section in cutoff.floors ? cutoff.floors[section] : cutoff.minScore));
    groups.push(section in cutoff.counts ? section : others);
    if (section in cutoff.counts) most[section] = cutoff.counts[section] ?? Infinity;
  });
  most[others] = cutoff.count ?? Infinity;
  return { floors, groups, most, others };
}

// Every limit's values, floor and ceiling.
function limitsOf(set, cutoff) {
  return Object.entries(cutoff.limits).map(([name, { min, max }]) =>
    [set.measures[name], least(min), greatest(max)]);
}

// How many of each scale are kept at most where a group keeps so many: as `Shares.most`.
function quotas(set, cutoff, count) {
  const free = new Array(Math.max(1, set.scales.length)).fill(Infinity);
  let part = 0, before = 0;
  for (const [scale, share] of cutoff.shares ?? []) {
    part += share;
    const end = Math.floor(part * count + 0.5);
    if (Number.isFinite(count)) free[scale] = end - before;
    before = end;
  }
  return free;
}

// Which images a cutoff keeps: 1 or 0 of each.
function decide(set, cutoff) {
  const { floors, groups, most } = rules(set, cutoff), limits = limitsOf(set, cutoff);
  const kept = new Uint8Array(set.length), counts = new Int32Array(most.length);
  const left = most.map((count) => quotas(set, cutoff, count));
  const scaled = set.scales.length > 0, perPhotograph = cutoff.perPhotograph ?? Infinity;
  const from = new Int32Array(photographs.length), ofSource = {};
  for (const i of set.reserved) kept[i] = 1; // they stand in the way of what is alike
  for (let i = 0; i < set.ranked; i++) {
    const section = set.section[i], group = groups[section];
    if (set.earlier[i] || limits.some(([values, low, high]) => values[i] < low || values[i] > high)) continue;
    if (set.score[i] < floors[section] || counts[group] >= most[group]) continue;
    if (set.alike[i]?.some((j) => kept[j])) continue;
    const scale = scaled ? set.scale(i) : 0;
    if (left[group][scale] <= 0 || from[set.photograph(i)] >= perPhotograph) continue;
    const source = set.source[i], own = cutoff.perSource[source];
    if (own && (set.score[i] < least(own.minScore) || (ofSource[source] ?? 0) >= (own.count ?? Infinity))) continue;
    ofSource[source] = (ofSource[source] ?? 0) + 1;
    counts[group]++;
    left[group][scale]--;
    from[set.photograph(i)]++;
    kept[i] = 1;
  }
  for (const i of set.reserved) kept[i] = 0;
  return kept;
}

// A cutoff by its other rules alone; a section that is left out stays so.
function withoutRank(cutoff) {
  const counts = Object.fromEntries(Object.entries(cutoff.counts).filter(([, count]) => count === 0));
  return { ...cutoff, count: null, minScore: null, floors: {}, counts };
}

// The images that the count is about, best first: those that it would keep if there were no count.
function countable(set, cutoff) {
  const kept = decide(set, { ...cutoff, count: null });
  const { groups, others } = rules(set, cutoff);
  const found = [];
  for (let i = 0; i < set.ranked; i++) if (kept[i] && groups[set.section[i]] === others) found.push(i);
  return found;
}

// The figures of a choice: numbers as in reports/metrics.json; null where nothing is kept.
function figures(set, kept) {
  const sections = new Int32Array(set.sections.length), scales = new Int32Array(set.scales.length);
  const from = new Int32Array(photographs.length);
  let images = 0, sum = 0, bytes = 0, lowest = 0;
  for (let i = 0; i < set.ranked; i++) {
    if (!kept[i]) continue;
    images++;
    sum += set.score[i];
    bytes += set.bytes[i];
    lowest = set.score[i];
    sections[set.section[i]]++;
    if (scales.length) scales[set.scale(i)]++;
    from[set.photograph(i)]++;
  }
  if (!images) return null;
  const share = (part) => rounded(part / images, 6);
  return {
    images,
    mean: rounded(sum / images / 1e6, 6),
    lowest: lowest / 1e6,
    bytes,
    photographs: from.reduce((n, count) => n + (count > 0), 0),
    largest: share(from.reduce((a, b) => Math.max(a, b), 0)),
    sections: Array.from(sections, share),
    scales: Array.from(scales, share),
  };
}

// A positive number with so many decimals, halves to even: as Python rounds, unlike `toFixed`.
function fixed(value, digits) {
  const beyond = 40, exact = value.toFixed(digits + beyond);
  const down = exact.slice(0, -beyond);
  const isHalf = /^50*$/.test(exact.slice(-beyond));
  return isHalf && "02468".includes(down.at(-1)) ? down : value.toFixed(digits);
}

function rounded(value, digits) {
  return Number(fixed(value, digits));
}
