// The decision of stages/common/cutoffs.py and the figures of stages/common/figures.py, for a cut
// that is dragged: the same rows are kept, the same figures come out, to the last digit.

// The least whole millionth that is not below a score of params.yaml.
function least(score) {
  if (score === null) return -Infinity;
  let millionths = Math.ceil(score * 1e6);
  while ((millionths - 1) / 1e6 >= score) millionths--;
  while (millionths / 1e6 < score) millionths++;
  return millionths;
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

// Which images a cutoff keeps: 1 or 0 of each.
function decide(set, cutoff) {
  const { floors, groups, most } = rules(set, cutoff);
  const kept = new Uint8Array(set.length), counts = new Int32Array(most.length);
  for (let i = 0; i < set.ranked; i++) {
    const section = set.section[i], group = groups[section];
    if (set.earlier[i] || set.score[i] < floors[section] || counts[group] >= most[group]) continue;
    counts[group]++;
    kept[i] = 1;
  }
  return kept;
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
