"""Rows: what stages hand to each other, a type a table.

A row type lists its columns once, with their types. A table may hold more columns than a reader
asks for: a stage that needs what the scorer needs reads `Item`s from any table that has them.
Paths are relative to the folder they live in, with `/`; every image has its section, the first
folder of its path, `.` where there is none.
"""

from typing import NamedTuple


class Folder(NamedTuple):
    """A folder of photographs: folders.csv."""

    name: str  # below which its paths stand in every table; empty: they stand as they are
    folder: str
    stills: str = ""  # the folder of those of its videos; empty: of them there are none


class Content(NamedTuple):
    """What DVC knows of a folder of photographs: contents.csv."""

    name: str
    folder: str
    md5: str  # of the list of its files and their hashes
    stills: str = ""


class Source(NamedTuple):
    """Whose photographs are: sources_*.csv, from source.yaml (common/credits.py)."""

    name: str
    url: str
    licence: str  # in words; empty where nobody says it
    spdx: str  # the licence's identifier, as `CC-BY-4.0`, where it has one
    redistribute: str  # yes, no or unknown: may others be given the photographs, or parts of them?
    citation: str


class Item(NamedTuple):
    """What the scorer needs of an image."""

    path: str
    sha256: str  # of the file
    width: int  # px, upright
    height: int
    pixels: str  # SHA-256 of the canonical pixels: the score is theirs, whatever the file


class Photograph(NamedTuple):
    """An image file: gathered_*.csv, and of those that may be used screened.csv."""

    path: str  # below gather.source, data/evaluation, or for a still data/frames
    section: str
    sha256: str  # of the file
    width: int  # px, upright
    height: int
    bytes: int
    mode: str  # as stored: format and Pillow's mode, as in `JPEG RGB`
    pixels: str  # SHA-256 of the canonical pixels
    dhash: str  # 256-bit difference hash, hexadecimal
    source: str = ""  # its name


class Rejected(NamedTuple):
    """What a stage leaves out: rejected.csv, multiscale_rejected.csv, subimages_rejected.csv; and
    what the report shows of unreadable_images.csv."""

    path: str
    reason: str
    detail: str


class Unreadable(NamedTuple):
    """A file that is no image, or can't be read: unreadable_*.csv."""

    path: str  # below gather.source, or below data/evaluation
    reason: str
    detail: str
    bytes: int
    sha256: str  # of the file; empty where it was not read


class Still(NamedTuple):
    """A frame of a video that is a photograph like others: frames.csv."""

    path: str  # below data/frames, and as gathered_images.csv has it: the video's, then the frame
    sha256: str  # of the file
    video: str  # below gather.source
    video_sha256: str
    frame: int  # its number, from 0
    seconds: float  # from the video's start
    scene: int  # from 0


class Video(NamedTuple):
    """A video, or what is called like one: videos.csv."""

    path: str  # below gather.source
    bytes: int
    sha256: str  # of the file; empty where nothing reads videos
    stills: int
    detail: str  # what became of it, or why there are no stills


class Score(NamedTuple):
    """data/scores/*.csv."""

    path: str
    sha256: str  # of the file; of a tile, its `pixels`
    hyperiqa: float


class Decision(NamedTuple):
    """A row of a cutoff: cutoff_images.csv, cutoff_subimages.csv."""

    rank: int  # 1 is the best of all
    path: str
    section: str
    sha256: str  # of the file; of a tile, its `pixels`
    bytes: int  # of the file; of a tile, about those of its PNG
    hyperiqa: float
    kept: bool
    reason: str  # the first rule that it fails
    detail: str  # its value


class Collected(NamedTuple):
    """A kept photograph in canonical form: collected.csv."""

    path: str  # below data/hr
    section: str
    sha256: str  # of the file; empty where `subimages.files` is `kept`, and none is written
    width: int
    height: int
    pixels: str  # SHA-256 of the canonical pixels
    photograph: str  # its path below gather.source
    photograph_sha256: str
    source: str = ""  # of the photograph


class Scaled(NamedTuple):
    """A photograph at one scale: multiscale.csv."""

    path: str  # below data/multiscale
    section: str
    sha256: str  # of the file; empty where none is written
    scale: str  # `1`, `0.75`, or `512px` for the shortest edge
    width: int
    height: int
    photograph: str
    photograph_sha256: str
    photograph_pixels: str  # SHA-256 of its canonical pixels
    photograph_width: int
    photograph_height: int
    source: str = ""


class Tile(NamedTuple):
    """A sub-image: a photograph, a size and a box. subimages.csv."""

    path: str  # below data/subimages, where it is written
    section: str
    pixels: str  # SHA-256 that stands for its pixels: the key of all that is known of it
    parent: str  # below data/multiscale, where it is written
    scale: str
    scaled_width: int  # of the photograph at this scale, px
    scaled_height: int
    left: int  # box in that, px
    top: int
    width: int
    height: int
    photograph: str
    photograph_sha256: str
    source: str = ""


class TileFile(NamedTuple):
    """A tile that was written: subimages_files.csv."""

    path: str  # below data/subimages
    sha256: str  # of the file
    bytes: int


class Validation(NamedTuple):
    """A validation photograph at one of its sizes: validation.csv."""

    path: str  # below data/validation, as `hr/a-0123abcd.png`
    section: str
    sha256: str  # of the file
    scale: str  # `hr`, or `x2`, `x4`, ...: by how much it is downscaled
    width: int
    height: int
    hyperiqa: float  # of the photograph
    photograph: str
    photograph_sha256: str
    source: str = ""


class Lineage(NamedTuple):
    """Where an image of the released set comes from: lineage.csv."""

    name: str
    sha256: str  # of the file
    hyperiqa: float
    tile: str  # below data/subimages
    scale: str
    left: int
    top: int
    width: int
    height: int
    section: str
    photograph: str
    photograph_sha256: str
    source: str = ""


class ImageMeasures(NamedTuple):
    """What is measured of a photograph: data/measures/images.csv."""

    path: str
    sha256: str  # of the file
    blocks: float  # how far JPEG's grid stands out, 0..1; 0 is none
    detail: float  # energy near the Nyquist frequency, 0..1; low: enlarged, or out of focus
    noise: float  # standard deviation, grey levels
    white: float  # share of clipped pixels, 0..1
    black: float
    quality: int  # of JPEG, 1..100, as the file's header has it; 0 of other files


class TileMeasures(NamedTuple):
    """What is measured of a tile: data/measures/subimages.csv."""

    path: str
    sha256: str  # its `pixels`
    bits: float  # a pixel, of the luma as JPEG; low: flat
    white: float  # share of clipped pixels, 0..1
    black: float
    bytes: int  # of its PNG, about


class Embedded(NamedTuple):
    """A photograph's embedding: data/embeddings/*.csv."""

    path: str
    sha256: str  # of the file
    embedding: str  # 128 signed bytes, hexadecimal


class Neighbours(NamedTuple):
    """Two photographs that are alike: neighbours.csv."""

    path: str
    other: str  # its path; the later of the two
    bits: int  # in which their difference hashes differ, of 256
    distance: float  # of their embeddings, 1 - cosine, 0..2


class ProbePoint(NamedTuple):
    """How the best so many tiles train, by score alone: reports/probe/curve.csv."""

    tiles: int
    classes: int  # of filters
    psnr: float  # PSNR-Y, dB, the mean of the held photographs
    minus_all: float  # dB, less that of all tiles
    low: float  # 95% interval of the difference
    high: float


class ProbedImage(NamedTuple):
    """PSNR-Y of a held photograph, dB: reports/probe/images.csv."""

    photograph: str  # below data/evaluation
    classes: int  # of filters
    bicubic: float
    kept: float
    all: float
    random: float  # the mean of random sets as large as the kept one


def section_of(path: str) -> str:
    """First folder of a relative path, `.` where there is none."""
    first, slash, _ = path.partition("/")
    return first if slash else "."
