// The data: photographs and tiles as columns, best first; an image is a place in them.
// Scores are whole millionths. A column of one value is that value alone.

const page = JSON.parse(document.getElementById("data").textContent);

function column(values, length, Kind = Int32Array) {
  return Array.isArray(values) ? Kind.from(values) : new Kind(length).fill(values);
}

// A path as part of an address. Python keeps a byte that is not UTF-8 as a lone surrogate.
function address(path) {
  const encoded = (part) => {
    const code = part.charCodeAt(0);
    const isByte = part.length === 1 && code >= 0xdc80 && code <= 0xdcff;
    return isByte ? "%" + (code - 0xdc00).toString(16).toUpperCase() : encodeURIComponent(part);
  };
  return path.replace(/[\udc80-\udcff]|\/|[^\udc80-\udcff/]+/gu, (part) =>
    part === "/" ? part : encoded(part));
}

function printable(path) {
  return path.replace(/[\udc80-\udcff]/gu, (byte) => "\\u" + byte.charCodeAt(0).toString(16));
}

class Pictures {
  constructor(key, columns) {
    const n = columns.length;
    this.key = key;
    this.length = n;
    this.ranked = columns.ranked ?? n;
    this.score = column(columns.score, n);
    this.bytes = column(columns.bytes, n, Float64Array);
    this.width = column(columns.width, n);
    this.height = column(columns.height, n);
    this.section = column(columns.section, n);
    this.sections = columns.sections.map(printable);
    this.status = column(columns.status, n);
    this.statuses = columns.statuses.map(printable);
    this.thumbnail = column(columns.thumbnail, n);
    this.earlier = new Uint8Array(n);
    for (const i of columns.earlier) this.earlier[i] = 1;
    this.reserved = columns.reserved;
    this.alike = columns.alike; // by place, the better or reserved images that it is like
    this.source = column(columns.source, this.ranked); // its place among the sources
    this.measures = {};
    for (const [name, values] of Object.entries(columns.measures)) {
      this.measures[name] = column(values, this.ranked); // millionths
    }
    this.base64 = columns.sha256;
    this.names = null;
  }

  isKept(i) {
    return this.status[i] === 0;
  }

  bytesPerPixel(i) {
    return this.bytes[i] / (this.width[i] * this.height[i]);
  }

  sha256(i) {
    this.binary ??= atob(this.base64);
    const bytes = Array.from(this.binary.slice(32 * i, 32 * (i + 1)));
    return bytes.map((byte) => byte.charCodeAt(0).toString(16).padStart(2, "0")).join("");
  }

  // In lower case, for the search.
  name(i) {
    this.names ??= Array.from({ length: this.length }, (_, k) => this.searched(k).toLowerCase());
    return this.names[i];
  }
}

class Photographs extends Pictures {
  constructor(columns) {
    super("images", columns);
    this.paths = columns.path;
    this.details = [].concat(columns.detail);
    this.mode = column(columns.mode.codes, this.length);
    this.modes = columns.mode.names;
    this.place = column(columns.place, this.length);
    this.scales = [];
  }

  path(i) {
    return this.paths[i];
  }

  searched(i) {
    return printable(this.paths[i]);
  }

  photograph(i) {
    return i;
  }

  detail(i) {
    return this.details.length === 1 ? this.details[0] : this.details[i];
  }

  sheet(i) {
    return `thumbnails/images/photographs_${this.thumbnail[i] >> 6}.jpg`;
  }

  // Empty where there is none; `where` then says so in words.
  file(i) {
    const { name, folder } = page.places[this.place[i]];
    if (folder === "") return "";
    const below = address(this.paths[i].slice(name.length));
    return `${folder.startsWith("/") ? "file://" : "../"}${address(folder)}/${below}`;
  }

  where(i) {
    return printable(page.places[this.place[i]].where);
  }

  // The file, where browsers show such files.
  picture(i) {
    return /^(JPEG|MPO|PNG|WEBP|GIF|BMP|AVIF)/.test(this.modes[this.mode[i]]) ? this.file(i) : "";
  }
}

class Tiles extends Pictures {
  constructor(columns, photographs) {
    super("subimages", columns);
    const parents = columns.parents, n = parents.group.length;
    this.photographs = photographs;
    this.parent = column(columns.parent, this.length);
    this.suffix = column(columns.suffix, this.length);
    this.suffixes = columns.suffixes;
    this.left = column(columns.left, this.length);
    this.top = column(columns.top, this.length);
    this.details = columns.details;
    this.groups = parents.group;
    this.scales = parents.scales;
    this.scaleOf = column(parents.scale, n);
    this.photographOf = column(parents.photograph, n);
    this.parentWidth = column(parents.width, n);
    this.parentHeight = column(parents.height, n);
  }

  path(i) {
    return this.groups[this.parent[i]] + this.suffixes[this.suffix[i]];
  }

  searched(i) {
    return this.path(i) + "\n" + printable(this.photographs.path(this.photograph(i)));
  }

  photograph(i) {
    return this.photographOf[this.parent[i]];
  }

  scale(i) {
    return this.scaleOf[this.parent[i]];
  }

  detail(i) {
    return this.details[i] ?? "";
  }

  sheet(i) {
    return `thumbnails/subimages/${address(this.groups[this.parent[i]])}_${this.thumbnail[i] >> 6}.jpg`;
  }

  // Empty where there is none: of tiles that are not kept, where only kept ones are written.
  file(i) {
    if (page.files === "all") return `../data/subimages/${address(this.path(i))}`;
    return this.isKept(i) ? `../data/dataset/${page.name}/${this.number(i)}.png` : "";
  }

  // Its number in the set, of a kept tile.
  number(i) {
    if (!this.numbers) {
      let next = 0;
      this.numbers = Int32Array.from({ length: this.length }, (_, k) => (this.isKept(k) ? next++ : -1));
    }
    return this.numbers[i];
  }

  // What shows the image that it was cut from: the photograph itself where no smaller one is written.
  parentFile(i) {
    if (page.files === "all") return `../data/multiscale/${address(this.groups[this.parent[i]])}.png`;
    return this.photographs.picture(this.photograph(i));
  }

  // All tiles of a photograph, best first.
  of(photograph) {
    const found = [];
    for (let i = 0; i < this.length; i++) if (this.photograph(i) === photograph) found.push(i);
    return found;
  }
}

const photographs = new Photographs(page.sets.images);
const tiles = new Tiles(page.sets.subimages, photographs);
const sets = { images: photographs, subimages: tiles };
