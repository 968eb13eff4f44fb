"""What Hypothesis draws from, for every test."""

from collections import Counter

import numpy as np
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from stages.common.cutoff_params import (
    Cutoff,
    ImagesCutoff,
    Limit,
    NearDuplicates,
    SectionCutoff,
    Shares,
    SourceCutoff,
    TilesCutoff,
)
from stages.common.params import Params
from stages.common.rows import (
    ImageMeasures,
    Neighbours,
    Score,
    Tile,
    TileMeasures,
)
from stages.multiscale import MultiscaleParams
from stages.subimages import SubimagesParams
from tests.row_by_row import Candidate, Known, of_images, of_tiles

sha256 = st.binary(min_size=32, max_size=32).map(bytes.hex)
dhash = sha256  # 256 bits as well
sides = st.integers(1, 3000)

# Any pixels of a small picture; hypothesis likes runs of one value, which PNG filters do not.
pixels = st.tuples(st.integers(1, 40), st.integers(1, 40)).flatmap(
    lambda sides: hnp.arrays(np.uint8, (*sides, 3))
)

# What a file can be named below a folder, as os.walk tells it: bytes that are not UTF-8 as
# surrogates, and everything that CSV must quote.
file_names = st.binary(min_size=1, max_size=12).map(
    lambda name: (
        name.replace(b"\0", b"\n").replace(b"/", b",").decode("utf-8", "surrogateescape") + ".jpg"
    )
)
sections = st.sampled_from([".", "faces", "landscapes", "Straßen und Plätze", "山"])
paths = st.tuples(sections, file_names).map(
    lambda parts: parts[1] if parts[0] == "." else "/".join(parts)
)

# Few values, so that ties are frequent.
hyperiqa = st.sampled_from([0.0, 0.25, 0.500001, 0.5, 0.499999, 0.75, 1.0])


@st.composite
def scored_images(draw: st.DrawFn) -> tuple[list[Candidate], list[Score]]:
    """Images of several sections and their scores, in unlike orders."""
    names = draw(st.lists(paths, min_size=1, max_size=25, unique=True))
    candidates = [
        Candidate(
            name,
            name.partition("/")[0] if "/" in name else ".",
            draw(sha256),
            draw(st.integers(1, 10**7)),
        )
        for name in names
    ]
    scores = [Score(c.path, c.sha256, draw(hyperiqa)) for c in candidates]
    return candidates, draw(st.permutations(scores))


@st.composite
def cutoffs(draw: st.DrawFn, candidates: list[Candidate]) -> Cutoff:
    """A cutoff whose counts can be met, with overrides for some sections; floors may drop all."""
    there = Counter(c.section for c in candidates)
    overrides: dict[str, dict[str, object]] = {}
    for section in draw(st.lists(st.sampled_from(sorted(there)), unique=True)):
        own = {"count": draw(st.none() | st.integers(0, there[section]))}
        own |= {"min_score": draw(st.none() | hyperiqa)}
        named = draw(st.sets(st.sampled_from(sorted(own))))
        overrides[section] = {key: own[key] for key in named}
    rest = sum(n for s, n in there.items() if "count" not in overrides.get(s, {}))
    return Cutoff(
        count=draw(st.none() | st.integers(1, max(rest, 1))),
        min_score=draw(st.none() | hyperiqa),
        report_at=draw(st.none() | hyperiqa),
        limits={},
        per_section={s: SectionCutoff(**own) for s, own in overrides.items()},
    )


def of_photographs(rule: Cutoff) -> ImagesCutoff:
    """The same cutoff for photographs, without any other rule."""
    return ImagesCutoff(**dict(rule), near_duplicates=None)


def of_pieces(rule: Cutoff) -> TilesCutoff:
    """The same cutoff for tiles, without any other rule."""
    return TilesCutoff(**dict(rule), overlap=None, per_photograph=None, scales=None)


measured = st.sampled_from([0.0, 0.25, 0.5, 0.75])
sources = st.sampled_from(["", "ours", "théirs"])
source_cutoffs = st.builds(
    SourceCutoff, count=st.none() | st.integers(0, 3), min_score=st.none() | hyperiqa
)
limits = st.sampled_from([{}, {"min": 0.25}, {"max": 0.5}, {"min": 0.25, "max": 0.5}]).map(
    lambda ends: {"white": Limit(**ends)} if ends else {}
)


def per_source(of: dict[str, str]) -> st.SearchStrategy[dict[str, SourceCutoff]]:
    """Caps and floors of some sources, for images of these, mostly none."""
    some = st.dictionaries(st.sampled_from(sorted(set(of.values()))), source_cutoffs, max_size=2)
    return st.just({}) | some


@st.composite
def photographs_with_likes(
    draw: st.DrawFn, candidates: list[Candidate]
) -> tuple[ImagesCutoff, Known]:
    """A cutoff of photographs with all its rules, and what they ask."""
    rule = draw(cutoffs(candidates))
    near = draw(st.none() | st.just(NearDuplicates(bits=32, distance=0.1)))
    paths = sorted(c.path for c in candidates)
    of = {path: draw(sources) for path in paths}
    own = {"limits": draw(limits), "per_source": draw(per_source(of))}
    cutoff = ImagesCutoff(**(dict(rule) | own), near_duplicates=near)
    measures = [ImageMeasures(p, "", 0.0, 0.0, 0.0, draw(measured), 0.0, 0) for p in paths]
    pairs = draw(
        st.lists(
            st.tuples(st.sampled_from(paths), st.sampled_from(paths), st.sampled_from([9, 99])),
            max_size=12,
            unique_by=lambda pair: pair[:2],
        )
    )
    likes = [Neighbours(a, b, bits, 0.2) for a, b, bits in pairs if a < b]
    known = of_images(measures, likes, cutoff)
    return cutoff, known._replace(sources=of)


@st.composite
def tiles_with_variety(draw: st.DrawFn, candidates: list[Candidate]) -> tuple[TilesCutoff, Known]:
    """A cutoff of tiles with all its rules, and what they ask."""
    rule = draw(cutoffs(candidates))
    of = {c.path: draw(sources) for c in candidates}
    shares = {"1": draw(measured), "0.75": draw(measured)}
    cutoff = TilesCutoff(
        **(dict(rule) | {"limits": draw(limits), "per_source": draw(per_source(of))}),
        overlap=draw(st.none() | st.sampled_from([0.0, 0.3, 0.5])),
        per_photograph=draw(st.none() | st.integers(1, 4)),
        scales=draw(st.none() | st.just(Shares(shares=shares))) if rule.count else None,
    )
    tiles = []
    for c in candidates:
        photograph = f"{c.section}/{draw(st.integers(0, 2))}"
        scale, corner = draw(st.sampled_from(["1", "0.75"])), draw(st.sampled_from([0, 2, 4, 8]))
        tiles.append(
            Tile(
                c.path,
                c.section,
                c.sha256,
                f"{photograph} {scale}",
                scale,
                16,
                12,
                corner,
                draw(st.sampled_from([0, 4])),
                8,
                8,
                photograph,
                photograph,
                of[c.path],
            )
        )
    if {t.scale for t in tiles} != shares.keys():
        cutoff = cutoff.model_copy(update={"scales": None})
    measures = [
        TileMeasures(c.path, c.sha256, 0.0, draw(measured), 0.0, c.bytes) for c in candidates
    ]
    known = of_tiles(measures, tiles, cutoff)
    return cutoff, known._replace(sources=of)


windows = st.builds(
    SubimagesParams,
    size=st.integers(8, 600),
    step=st.integers(1, 700),
    threshold=st.integers(0, 300),
    spacing=st.sampled_from(["step", "even"]),
    files=st.sampled_from(["all", "kept"]),
)
scale_factors = st.floats(0.01, 1).map(lambda x: round(x, 3))
scalings = st.builds(
    MultiscaleParams,
    scales=st.lists(scale_factors, min_size=1, max_size=4, unique_by="{:g}".format),
    shortest_edge=st.none() | st.integers(1, 3000),
)


def with_changes(params: Params, **changes: object) -> Params:
    """The same parameters but for some, checked again."""
    return type(params)(**(params.model_dump() | changes))
