"""croissant.json: a set for machines, with records of its tiles and validation images.

Source: Croissant 1.1 and its vocabulary for responsible use, RAI 1.0; the context is the one that
        the standard gives.
"""

from collections.abc import Mapping
from typing import Any

from stages.common.archive import description
from stages.common.archive.card import plain
from stages.common.archive.description import Contents
from stages.common.correlation import rank_correlation

VERSIONS = ["http://mlcommons.org/croissant/1.1", "http://mlcommons.org/croissant/RAI/1.0"]
TERMS = (
    "arrayShape citeAs column containedIn equivalentProperty extract field fileProperty fileObject "
    "fileSet format includes isArray isLiveDataset jsonPath key md5 parentField path recordSet "
    "references regex repeated replace samplingRate separator source subField transform"
)
CONTEXT: dict[str, Any] = {
    "@language": "en",
    "@vocab": "https://schema.org/",
    "cr": "http://mlcommons.org/croissant/",
    "rai": "http://mlcommons.org/croissant/RAI/",
    "dct": "http://purl.org/dc/terms/",
    "sc": "https://schema.org/",
    "conformsTo": "dct:conformsTo",
    "data": {"@id": "cr:data", "@type": "@json"},
    "dataType": {"@id": "cr:dataType", "@type": "@vocab"},
    "description": {"@container": "@language"},
    "examples": {"@id": "cr:examples", "@type": "@json"},
    "name": {"@container": "@language"},
} | {term: f"cr:{term}" for term in TERMS.split()}
ROWS = "metadata.jsonl"
TILES, VALIDATION = "tiles", "validation"
TEXT, NUMBER, IMAGE = "sc:Text", "sc:Float", "sc:ImageObject"


def croissant(c: Contents, rows_sha256: str) -> dict[str, Any]:
    """The file's content; `rows_sha256` is the hash of metadata.jsonl."""
    p = c.params
    return {
        "@context": CONTEXT,
        "@type": "sc:Dataset",
        "conformsTo": VERSIONS,
        "name": c.name,
        "description": plain(f"{p.title}. {p.purpose} {p.use_case}"),
        "license": licence(c),
        "url": p.url,
        "creator": {"@type": "sc:Person", "name": plain(p.creator)},
        "datePublished": p.date,
        "version": p.version,
        "citeAs": plain(f"{p.creator}: {p.title}, version {p.version}, {p.date[:4]}, {p.url}"),
        "keywords": ["super-resolution", "images", "HyperIQA"],
        **responsibility(c),
        "distribution": [
            {
                "@type": "cr:FileObject",
                "@id": ROWS,
                "name": ROWS,
                "contentUrl": ROWS,
                "encodingFormat": "application/jsonlines",
                "sha256": rows_sha256,
            },
            _images(TILES, f"{c.name}/*.png"),
            *([_images(VALIDATION, "validation/*/*.png")] if c.validation else []),
        ],
        "recordSet": [_tiles(c.name), *([_validation()] if c.validation else [])],
    }


def licence(c: Contents) -> str:
    """The licence of the set in words."""
    if c.params.private:
        return "not for redistribution"
    if c.params.licence != "other":
        return c.params.licence
    used = sorted({row.licence for row in description.photographs(c)})
    return f"each photograph's own, in photographs.csv: {', '.join(map(plain, used))}"


def origin(share: description.Share) -> str:
    """A source of photographs in words."""
    source = share.source
    said = [source.name, source.licence, source.url, source.citation]
    words = ", ".join(filter(None, said))
    return f"{words}. Tiles: {share.tiles:,}. May be redistributed: {source.redistribute}."


def responsibility(c: Contents) -> Mapping[str, Any]:
    """How the set came about, and what to mind."""
    steps = [
        plain(f"{step.left:,} {step.what}: {step.rule}. {step.dropped}".rstrip(". ") + ".")
        for step in description.steps(c)
    ]
    pairs = [(row.hyperiqa, float(row.bytes)) for row in c.cut]
    correlation = rank_correlation(*map(list, zip(*pairs, strict=True)))
    shares = description.shares(row.section for row in c.tiles)
    biases = [f"Tiles by section: {', '.join(f'{plain(n)} {s:.1%}' for n, s in shares.items())}."]
    if correlation is not None:
        biases.append(f"Rank correlation of score and bytes of the tiles: {correlation:+.2f}.")
    raw = [plain(origin(share)) for share in description.origins(c)]
    scorer = c.scorer
    tool = f"HyperIQA, model {scorer['model']}, weights {scorer['weights_sha256']}"
    return {
        "rai:dataCollection": "Photographs from folders, chosen by score and cut into tiles.",
        **({"rai:dataCollectionRawData": raw} if raw else {}),
        "rai:dataPreprocessingProtocol": steps,
        "rai:machineAnnotationTools": [plain(f"{tool}, {scorer['engine']}")],
        "rai:dataUseCases": [plain(c.params.use_case)],
        "rai:dataLimitations": ["A score is a model's guess of what people like."],
        "rai:dataBiases": biases,
        "rai:personalSensitiveInformation": [
            "Nobody and nothing has looked for persons, faces or writing in the pictures."
        ],
    }


def _images(name: str, pattern: str) -> dict[str, Any]:
    return {
        "@type": "cr:FileSet",
        "@id": name,
        "name": name,
        "encodingFormat": "image/png",
        "includes": pattern,
    }


def _field(record: str, name: str, kind: str, source: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "@type": "cr:Field",
        "@id": f"{record}/{name}",
        "name": name,
        "dataType": kind,
        "source": source,
    }


def _column(name: str) -> dict[str, Any]:
    return {"fileObject": {"@id": ROWS}, "extract": {"column": name}}


def _file(files: str, extract: str) -> dict[str, Any]:
    return {"fileSet": {"@id": files}, "extract": {"fileProperty": extract}}


def _tiles(folder: str) -> dict[str, Any]:
    """A record a line of metadata.jsonl, joined to the tile by its name."""
    path = _column("file_name") | {"transform": {"regex": f"(?:{folder}/)?(.+)"}}
    name = _field("tile", "name", TEXT, path)
    name["references"] = _file(TILES, "filename")
    return {
        "@type": "cr:RecordSet",
        "@id": "tile",
        "name": "tile",
        "key": {"@id": "tile/name"},
        "field": [
            name,
            _field("tile", "image", IMAGE, _file(TILES, "content")),
            _field("tile", "hyperiqa", NUMBER, _column("hyperiqa")),
            _field("tile", "section", TEXT, _column("section")),
            _field("tile", "scale", TEXT, _column("scale")),
        ],
    }


def _validation() -> dict[str, Any]:
    """A record an image; the images of a photograph have the same name."""
    scale = _file(VALIDATION, "fullpath") | {"transform": {"regex": "(?:validation/)?([^/]+)"}}
    return {
        "@type": "cr:RecordSet",
        "@id": "validation_image",
        "name": "validation_image",
        "field": [
            _field("validation_image", "name", TEXT, _file(VALIDATION, "filename")),
            _field("validation_image", "scale", TEXT, scale),
            _field("validation_image", "image", IMAGE, _file(VALIDATION, "content")),
        ],
    }
