"""Videos, frame by frame in the order they are shown. Nothing is ever sought: what a search finds
depends on the container, and a count of frames does not.
"""

import importlib.util
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from stages.common.video import colour

MISSING = "`make video` installs what reads it"
THREADS = 2  # of a decoder; more hold more frames, and there are the workers
LEAST = 0.98  # of the frames that a container counts, and that must be there


class VideoError(Exception):
    """Why no still can be taken of a video."""


def is_there() -> bool:
    """Whether PyAV is installed."""
    return importlib.util.find_spec("av") is not None


def frames(path: Path, *, deinterlace: bool = False) -> Iterator[tuple[int, Any]]:
    """Number, from 0, and PyAV frame of all that a video shows; `deinterlace` goes by bwdif, a
    frame for each.

    Raises:
        VideoError: where it can't be read to its end, or its colours have no stated meaning.
    """
    with _opened(path) as container:
        stream = next((s for s in container.streams.video if not _is_cover(s)), None)
        if stream is None:
            raise VideoError("there is no video in it")
        stream.thread_type = "AUTO"
        stream.codec_context.thread_count = THREADS
        size, number = None, -1
        shown = container.decode(stream)
        for number, frame in enumerate(_without_combs(shown, stream) if deinterlace else shown):
            if fault := colour.fault(frame):
                raise VideoError(fault)
            if size not in (None, (frame.width, frame.height)):
                raise VideoError(f"frame {number} has another size than those before it")
            size = frame.width, frame.height
            yield number, frame
        if number + 1 < LEAST * stream.frames:
            raise VideoError(f"truncated: {number + 1:,} of {stream.frames:,} frames are there")
        if number < 0:
            raise VideoError("there is no frame in it")


def codec_of(path: Path) -> str:
    """FFmpeg's name of what coded a video.

    Raises:
        VideoError: where it can't be opened.
    """
    with _opened(path) as container:
        return str(next(s.codec_context.name for s in container.streams.video if not _is_cover(s)))


def _is_cover(stream: Any) -> bool:
    """Whether a stream is a single picture that belongs to the file, not to the film."""
    return bool(stream.disposition & type(stream.disposition).attached_pic)


@contextmanager
def _opened(path: Path) -> Iterator[Any]:
    import av

    try:
        with av.open(str(path), metadata_errors="replace") as container:
            yield container
    except (av.FFmpegError, ValueError) as error:  # ValueError: of a frame in an unknown format
        detail = getattr(error, "strerror", None) or str(error)
        raise VideoError(" ".join(f"damaged or of an unknown kind: {detail}".split())) from None


def _without_combs(shown: Iterator[Any], stream: Any) -> Iterator[Any]:
    """Frames whose rows are of one time, by bwdif: the field that comes first, made whole."""
    import av

    graph = av.filter.Graph()
    source = graph.add_buffer(template=stream)
    bwdif = graph.add("bwdif", "mode=send_frame:parity=auto:deint=all")
    sink = graph.add("buffersink")
    source.link_to(bwdif)
    bwdif.link_to(sink)
    graph.configure()
    for frame in shown:
        graph.push(frame)
        yield from _pulled(graph)
    graph.push(None)
    yield from _pulled(graph)


def _pulled(graph: Any) -> Iterator[Any]:
    import av

    while True:
        try:
            yield graph.pull()
        except (av.BlockingIOError, av.EOFError):
            return
