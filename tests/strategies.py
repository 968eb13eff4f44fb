"""What Hypothesis draws from, for every test."""

from collections import Counter

import numpy as np
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from stages.common.cutoffs import Cutoff, SectionCutoff
from stages.common.params import Params
from stages.common.rows import Candidate, Score
from stages.multiscale import MultiscaleParams
from stages.subimages import SubimagesParams

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
        per_section={s: SectionCutoff(**own) for s, own in overrides.items()},
    )


windows = st.builds(
    SubimagesParams,
    size=st.integers(8, 600),
    step=st.integers(1, 700),
    threshold=st.integers(0, 300),
    spacing=st.sampled_from(["step", "even"]),
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
