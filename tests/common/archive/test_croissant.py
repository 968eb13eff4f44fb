"""croissant.json: everything that the standard asks for; test_release_readers.py has its own tool
read it."""

import json
import re

from stages.common.archive.croissant import CONTEXT, VERSIONS, croissant
from tests.common.archive.sets import RELEASE, small_set

# Croissant 1.1, "Dataset-level information": required, and recommended
REQUIRED = (
    "@context @type conformsTo description license name url creator datePublished distribution"
)
RECOMMENDED = "keywords citeAs version"
# RAI 1.0
RESPONSIBILITY = (
    "dataCollection dataPreprocessingProtocol machineAnnotationTools dataUseCases dataLimitations "
    "dataBiases personalSensitiveInformation"
)
FOUND = croissant(small_set(), "1" * 64)


def test_it_has_every_property_that_the_standard_asks_for() -> None:
    for name in f"{REQUIRED} {RECOMMENDED}".split():
        assert FOUND[name], name
    for name in RESPONSIBILITY.split():
        assert FOUND[f"rai:{name}"], name
    assert FOUND["conformsTo"] == VERSIONS
    assert FOUND["datePublished"] == RELEASE.date
    assert FOUND["creator"] == {"@type": "sc:Person", "name": RELEASE.creator}
    assert FOUND["license"] == "each photograph's own, in photographs.csv: CC-BY-4.0, not stated"


def test_every_term_has_a_meaning() -> None:
    used = set(re.findall(r'"(@?[\w:]+)":', json.dumps({**FOUND, "@context": {}})))
    plain = {term for term in used if ":" not in term and not term.startswith("@")}
    schema = {
        *("name", "description", "license", "url", "creator", "datePublished", "version"),
        *("keywords", "distribution", "contentUrl", "encodingFormat", "sha256"),
    }
    assert plain - schema <= set(CONTEXT)
    assert {term.split(":")[0] for term in used if ":" in term} <= set(CONTEXT)


def test_files_are_named_as_they_lie_in_the_set() -> None:
    rows, tiles, pairs = FOUND["distribution"]
    assert (rows["contentUrl"], rows["sha256"]) == ("metadata.jsonl", "1" * 64)
    assert (tiles["includes"], pairs["includes"]) == ("tiny-set/*.png", "validation/*/*.png")
    names = [each["@id"] for each in (*FOUND["distribution"], *FOUND["recordSet"])]
    assert len(names) == len(set(names))


def test_a_set_without_validation_has_no_records_of_it() -> None:
    found = croissant(small_set(validation=[]), "1" * 64)
    assert [record["@id"] for record in found["recordSet"]] == ["tile"]
    assert [each["@id"] for each in found["distribution"]] == ["metadata.jsonl", "tiles"]


def test_a_licence_of_the_whole_set_is_named() -> None:
    params = RELEASE.model_copy(update={"licence": "cc-by-4.0"})
    assert croissant(small_set(params=params), "")["license"] == "cc-by-4.0"
