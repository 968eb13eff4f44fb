"""Take stills out of the videos among the photographs.

Takes:  contents.csv, the folders of photographs; none of the archives in them.
Leaves: frames/<video>/<frame>.png, stills as 8-bit sRGB; frames.csv (`Still`), by path; videos.csv
        (`Video`), what became of each video. Nothing where there is no video.
Rule:   of each scene the frame with most detail, of a long one more, `every` seconds apart at
        least (common/video/choosing.py). None lies within 3 frames of a cut (cuts.py) or has rows
        of two times (combing.py); where most frames do, as in interlaced video, there is no still,
        unless `deinterlace` lets FFmpeg's bwdif make whole frames. Matrix and range as the file
        says; else BT.709 from 720 rows on, BT.601 below; HDR and wide gamuts are refused
        (colour.py). Frames are turned upright; pixels that are not square stay so. What the last
        run took of a video is kept, by the video's hash.
"""

import hashlib
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

from pydantic import Field

from stages.common import files, fingerprints, listing, sources, store, tables, workers
from stages.common.cli import run
from stages.common.facts import Facts, FactStore
from stages.common.params import Params
from stages.common.pixels import png
from stages.common.rows import Still, Video
from stages.common.sources import Root
from stages.common.video import choosing, colour, combing, reading
from stages.common.video.choosing import Choice
from stages.common.video.reading import VideoError


class FramesParams(Params):
    every: float = Field(gt=0, le=86400)
    deinterlace: bool


class Taken(NamedTuple):
    """What was taken of a video."""

    video: Video
    stills: list[Still]
    facts: Facts | None  # for the store; None where it knew them, or there are none


def take_all(paths: list[str], source: Root, folder: Path, params: FramesParams) -> list[Taken]:
    """Take the stills of videos in their order; the store remembers what they are."""
    made_by = f"{params!r}\n{fingerprints.of(Path(__file__))}"
    known = store.default_path()
    task = partial(take, source=source, folder=folder, params=params, made_by=made_by, known=known)
    with closing(FactStore(known, made_by)) as fact_store:

        def put(some: list[Taken]) -> None:
            fact_store.put((x.video.sha256, x.facts) for x in some if x.facts)

        with closing(store.saved(workers.each(task, paths, what="frames"), put)) as all_taken:
            return list(all_taken)


def take(
    path: str, *, source: Root, folder: Path, params: FramesParams, made_by: str, known: Path
) -> Taken:
    """Take the stills of one video, or those that are not there yet."""
    video = sources.locate(source, path).file
    size, sha256 = video.stat().st_size, files.sha256_of(video)
    with closing(FactStore(known, made_by)) as facts_store:
        facts = facts_store.get(sha256)
    columns = {} if facts is None else facts.columns
    try:
        if facts is None:
            columns = write(video, folder / path, params)
        elif not all(is_there(folder / path, *row) for row in columns["stills"]):
            write(video, folder / path, params, columns)
    except VideoError as error:
        return Taken(Video(path, size, sha256, 0, str(error)), [], None)
    stills = [
        Still(f"{path}/{name_of(frame)}", sha, path, sha256, frame, microseconds / 1e6, scene)
        for frame, scene, microseconds, sha in columns["stills"]
    ]
    detail = f"{len(stills):,} stills of {columns['frames']:,} frames, {columns['scenes']:,} scenes"
    new = Facts(columns, b"") if facts is None else None
    return Taken(Video(path, size, sha256, len(stills), detail), stills, new)


def write(
    video: Path, folder: Path, params: FramesParams, known: dict[str, Any] | None = None
) -> dict[str, Any]:
    """Write a video's stills, and give what the store keeps of them; what is `known` already says
    which frames they are.

    Raises:
        VideoError: where there can't be any.
    """
    frames, scenes, deinterlaced = 0, 0, False
    if known is None:
        measures = list(choosing.measured(reading.frames(video)))
        deinterlaced = combing.is_interlaced([frame.combing for frame in measures])
        if deinterlaced and not params.deinterlace:
            raise VideoError(
                f"interlaced: most of its {len(measures):,} frames hold two times; "
                "`frames.deinterlace: true` lets bwdif make whole ones"
            )
        if deinterlaced:
            measures = list(choosing.measured(reading.frames(video, deinterlace=True)))
        choices = choosing.chosen(measures, params.every)
        frames, scenes = len(measures), choosing.scenes(measures)
        seconds = {choice.frame: measures[choice.frame].seconds for choice in choices}
    else:
        frames, scenes, deinterlaced = (known[k] for k in ("frames", "scenes", "deinterlaced"))
        choices = [Choice(frame, scene) for frame, scene, _, _ in known["stills"]]
        seconds = {frame: time / 1e6 for frame, _, time, _ in known["stills"]}
    hashes = decoded(video, folder, {c.frame for c in choices}, deinterlaced)
    stills = [[c.frame, c.scene, round(1e6 * seconds[c.frame]), hashes[c.frame]] for c in choices]
    return {"frames": frames, "scenes": scenes, "deinterlaced": deinterlaced, "stills": stills}


def decoded(video: Path, folder: Path, wanted: set[int], deinterlace: bool) -> dict[int, str]:
    """Write the frames of these numbers; gives the hashes of their files."""
    hashes: dict[int, str] = {}
    if not wanted:
        return hashes
    codec = reading.codec_of(video)
    for number, frame in reading.frames(video, deinterlace=deinterlace):
        if number in wanted:
            content = png.encode(colour.to_rgb(frame, codec))
            files.write(folder / name_of(number), content)
            hashes[number] = hashlib.sha256(content).hexdigest()
    return hashes


def name_of(frame: int) -> str:
    """A still's file: by name they are in order."""
    return f"{frame:06d}.png"


def is_there(folder: Path, frame: int, scene: int, microseconds: int, sha256: str) -> bool:
    """Whether a still that the store knows is there, as it was written."""
    path = folder / name_of(frame)
    return path.is_file() and files.sha256_of(path) == sha256


def clean_up(folder: Path, stills: list[Still]) -> None:
    """Remove what an earlier run has left, and folders that are empty then. Nobody else writes
    there: it is an out of this stage, which DVC leaves to it."""
    for path in set(files.files_below(folder)) - {still.path for still in stills} - {files.ABOUT}:
        (folder / path).unlink()
    for inside in sorted((p for p in folder.rglob("*") if p.is_dir()), reverse=True):
        if not any(inside.iterdir()):
            inside.rmdir()


def without(taken: list[Taken]) -> str:
    """How many videos gave nothing, and why the first did not."""
    none = [x.video for x in taken if not x.video.stills]
    return f" · none of {len(none):,}, as {none[0].path}: {none[0].detail}" if none else ""


def main(
    source: Path, folder: Path, stills: Path, videos: Path, numbers: Path, params: FramesParams
) -> None:
    root = sources.folders(source)
    listed = sources.listed(root, listing.quiet_listing)
    there = sources.videos(listed)
    files.write_about(folder, "stills of videos, as data/tables/frames.csv lists them\n")
    if reading.is_there():
        taken = take_all([entry.path for entry in there], root, folder, params) if there else []
    else:
        taken = [Taken(Video(x.path, x.bytes, "", 0, reading.MISSING), [], None) for x in there]
    rows = sorted(row for x in taken for row in x.stills)
    clean_up(folder, rows)
    sources.check_unchanged(listed)
    tables.write(stills, Still, rows)
    tables.write(videos, Video, [x.video for x in taken])
    tables.write_numbers(numbers, {"videos": len(taken), "stills": len(rows)})
    print(f"{len(rows):,} stills of {len(taken):,} videos in {sources.named(root)}{without(taken)}")


if __name__ == "__main__":
    run(main)
