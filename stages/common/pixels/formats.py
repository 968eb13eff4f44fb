"""Which files are images, by their first bytes; and what those are that are none, or can't be read
yet: camera raw, HEIC without what reads it, videos.
"""

import functools
import struct
from collections.abc import Mapping

from PIL import Image

from stages.common.pixels import jxl

# Formats of photographs, and none of programs, documents or films; beside JPEG XL.
FORMATS = ("JPEG", "PNG", "TIFF", "WEBP", "AVIF", "JPEG2000", "BMP", "PPM", "GIF")
HEIF = "HEIF"  # as pillow-heif calls it, where it is installed
HEAD = 4096  # bytes of a file that say what it is
LEAST = 16  # bytes that Pillow shows to its plugins

HEIC_BRANDS = (b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1")
AVIF_BRANDS = (b"avif", b"avis")
RAW = {  # how files of cameras begin
    b"FUJIFILMCCD-RAW": "RAF",
    b"IIRO": "ORF",
    b"IIRS": "ORF",
    b"MMOR": "ORF",
    b"IIU\0": "RW2",
    b"FOVb": "X3F",
    b"\0MRM": "MRW",
}
TIFF = {b"II*\0": "<", b"MM\0*": ">"}
SUBFILE, PHOTOMETRIC, MAKE, SUB_IFDS, DNG_VERSION = 254, 262, 271, 330, 50706  # tags
SENSOR = (32803, 34892)  # photometric: colour filter array, linear raw
DEVELOP = "develop it first, as TIFF or PNG, since how is a matter of taste"

VIDEO_STARTS = (
    b"\x1aE\xdf\xa3",  # Matroska, WebM
    b"\0\0\x01\xba",  # MPEG
    b"\0\0\x01\xb3",
    b"FLV\x01",
    b"0&\xb2u\x8ef\xcf\x11",  # Windows Media
    b"OggS",
    b"\x06\x0e+4\x02\x05\x01\x01",  # MXF
)
QUICKTIME = (b"ftyp", b"moov", b"mdat", b"wide", b"free", b"skip")
PACKET = 188  # bytes of MPEG's transport stream
STILLS_OF = "stills are taken of files as .mp4 or .mkv among photographs, and of none in archives"


class ImageError(Exception):
    """A file that can't be used: a short reason, to be counted, and a detail, to be read."""

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(reason, detail)
        self.reason = reason
        self.detail = detail

    def __str__(self) -> str:
        return f"{self.reason}: {self.detail}"


def known() -> tuple[str, ...]:
    """Pillow's names of the formats that can be read here."""
    return (*FORMATS, HEIF) if heif_is_there() else FORMATS


@functools.cache
def heif_is_there() -> bool:
    """Whether HEIC can be read; the first call brings what does."""
    try:
        import pillow_heif
    except ImportError:
        return False
    pillow_heif.register_heif_opener(thumbnails=False)
    return True


def check_head(head: bytes) -> None:
    """Look at how a file begins; the more of it is given, the surer camera raw is known.

    Raises:
        ImageError: `camera raw`, `HEIC`, `a video` or `not an image`, where it can't be read.
    """
    if name := raw_format(head):
        raise ImageError("camera raw", f"{name}: {DEVELOP}")
    if is_known(head):
        return
    if _brand(head) in HEIC_BRANDS and not heif_is_there():
        raise ImageError("HEIC", "`make heic` installs what reads it")
    if is_video(head):
        raise ImageError("a video", STILLS_OF)
    raise ImageError("not an image", kind(head))


def is_known(head: bytes) -> bool:
    """Whether a file that begins with `head`, 16 bytes or more, may be of a format that is read.

    True for all that `images.decode` opens; also for a few others, which it refuses.
    """
    if jxl.is_jxl(head):
        return True
    Image.init()
    names = known() if _brand(head) in HEIC_BRANDS else FORMATS
    return any(_accepts(name, head[:LEAST]) for name in names)


def _accepts(name: str, head: bytes) -> bool:
    """What `Image.open` asks of a format before it tries to open a file; it reads 16 bytes."""
    accept = Image.OPEN[name][1]
    try:
        accepted = accept is None or accept(head)
        return bool(accepted) and not isinstance(accepted, str)  # text: Pillow was built without it
    except (SyntaxError, IndexError, TypeError, struct.error):  # too short; as `Image.open` does
        return False


def kind(content: bytes) -> str:
    if not content:
        return "the file is empty"
    if b"\0" not in content[:HEAD]:
        return "looks like text"
    return f"no known image format, begins with {content[:8].hex(' ')}"


def raw_format(content: bytes) -> str:
    """The format of a camera's own file, as `DNG`; empty for all others.

    Most of them are TIFF files whose first image is a small picture of the photograph. So are
    those that name a camera and have further images inside the first, unless this is whole.
    """
    for start, name in RAW.items():
        if content.startswith(start):
            return name
    if _brand(content) == b"crx ":
        return "CR3"
    if content[:4] not in TIFF:
        return ""
    if content[8:10] == b"CR":
        return "CR2"
    if content[8:12] == b"IIII":
        return "IIQ"
    tags = first_tags(content)
    if DNG_VERSION in tags:
        return "DNG"
    parts = MAKE in tags and SUB_IFDS in tags and tags.get(SUBFILE) != 0
    if parts or tags.get(PHOTOMETRIC) in SENSOR:
        return "of a camera, a kind of TIFF"
    return ""


def first_tags(content: bytes) -> Mapping[int, int]:
    """The first number of each tag of a TIFF file's first image, as far as `content` has them."""
    order = TIFF[content[:4]]
    found: dict[int, int] = {}
    try:
        (place,) = struct.unpack_from(f"{order}I", content, 4)
        (count,) = struct.unpack_from(f"{order}H", content, place)
        for i in range(count):
            tag, kind = struct.unpack_from(f"{order}HH", content, place + 2 + 12 * i)
            short = f"{order}H" if kind == 3 else f"{order}I"
            found[tag] = struct.unpack_from(short, content, place + 10 + 12 * i)[0]
    except struct.error:  # behind the end of what is there
        pass
    return found


def _brand(head: bytes) -> bytes:
    """The major brand of an ISO base media file; empty where it is none."""
    return head[8:12] if head[4:8] == b"ftyp" else b""


def is_video(head: bytes) -> bool:
    """Whether a file begins as videos do; pictures in such containers are none."""
    if head[4:8] in QUICKTIME:
        return _brand(head) not in (*HEIC_BRANDS, *AVIF_BRANDS, b"crx ", b"M4A ")
    if head[:4] == b"RIFF":
        return head[8:12] == b"AVI "
    if head.startswith(VIDEO_STARTS):
        return True
    return any(  # MPEG's transport stream, also with a time before each packet
        head[first : first + 3 * step : step] == b"GGG"
        for first, step in ((0, PACKET), (4, PACKET + 4))
    )


def check_end(content: bytes) -> None:
    """The parts of an ISO base media file, as HEIC is one, must not go on behind its end.

    Raises:
        ImageError: `truncated`.
    """
    if not _brand(content):
        return
    try:
        for _ in jxl.boxes(content):
            pass
    except EOFError as error:
        raise ImageError("truncated", str(error)) from None


def hdr(image: Image.Image) -> str:
    """Why a picture is no sRGB of any kind; empty where it may be. Of HEIC only: Pillow does not
    tell it of others."""
    profile = image.info.get("nclx_profile") or {}
    if name := jxl.HDR.get(profile.get("transfer_characteristics", 0)):
        return f"HDR ({name}): bring it to SDR first, since how is a matter of taste"
    return ""
