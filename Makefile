# make run · make what-if · make compare · make keep · make verify · make push · make release · make publish · make test · make lint · make bench · make weights MODEL=koniq10k
PYTHON ?= python3
VENV := .venv
export PATH := $(CURDIR)/$(VENV)/bin:$(PATH)
export DVC_NO_ANALYTICS := 1
MODEL ?= koniq10k-pyiqa

.PHONY: run inspect what-if compare keep experiments leave-out checkout check verify mend push remotes unpack check-set test test-quick test-long test-proofs test-servers lint format bench screenshots weights known-sets release publish datasets video heic ray test-ray export export-packages

run: $(VENV)/ready  ## from photographs to the archive
	python -m stages.check --weights-folder data/weights --checked data/tables/checked.txt
	python -m stages.tools.guard
	python -m stages.tools.packages
	dvc repro
	python -m stages.tools.guard

what-if: $(VENV)/ready  ## other cutoffs, without a run: COUNT=12000, MIN_SCORE=0.7, WHICH=images
	python -m stages.tools.what_if $(if $(WHICH),--which $(WHICH)) $(if $(COUNT),--count $(COUNT)) $(if $(MIN_SCORE),--min-score $(MIN_SCORE))

leave-out: $(VENV)/ready  ## leave out for good the tiles that you have deleted from data/dataset
	python -m stages.tools.guard
	python -m stages.tools.leave_out

compare: $(VENV)/ready  ## run experiments: COUNTS="100 150", MIN_SCORES="0.6", SET="key=value; key=value"
	python -m stages.tools.compare --counts "$$COUNTS" --min-scores "$$MIN_SCORES" --set "$$SET"

keep: $(VENV)/ready  ## take an experiment over: NAME=tiles-150
	python -m stages.tools.guard
	python -m stages.tools.keep "$$NAME"
	python -m stages.tools.guard

experiments: $(VENV)/ready  ## list them; ALL=1 for those of all commits, too
	python -m stages.tools.experiments $(if $(ALL),--all)

checkout: $(VENV)/ready  ## after `git checkout VERSION`: the data of that version
	dvc checkout
	python -m stages.tools.guard

check: $(VENV)/ready  ## what would stop a run, before it starts
	python -m stages.check --weights-folder data/weights --checked data/tables/checked.txt

verify: $(VENV)/ready  ## hash again what DVC keeps, and name what differs; ALL=1 for all tags, too
	python -m stages.tools.verify $(if $(ALL),--all)

mend: $(VENV)/ready  ## put back what `make verify` names, from wherever it is whole
	python -m stages.tools.verify --mend $(if $(ALL),--all)

push: $(VENV)/ready  ## to DVC's remote, and proven there: TAGS=1, REV=v1, ONLY=data/dataset, DEEP=1, LIMIT=minutes
	python -m stages.tools.push $(if $(TAGS),--tags) $(if $(REV),--revision '$(REV)') $(if $(ONLY),--only $(ONLY)) $(if $(DEEP),--deep) $(if $(LIMIT),--limit $(LIMIT))

release: $(VENV)/ready  ## check, push and prove a version, then tag it: VERSION=1.2.0
	python -m stages.tools.guard
	python -m stages.tools.release_version --version "$$VERSION" $(if $(DEEP),--deep) $(if $(LIMIT),--limit $(LIMIT))

publish: $(VENV)/ready  ## dist/: what hosts take of the set, and the commands: ARCHIVE=1, URL=https://…
	python -m stages.tools.publish $(if $(ARCHIVE),--archive) $(if $(URL),--url "$$URL")

remotes: $(VENV)/remotes  ## the packages for remotes on S3 and SSH

video heic ray: %: $(VENV)/%  ## what reads videos, and photographs in HEIC; what runs on several machines

unpack: $(VENV)/ready  ## a set's archive into a new folder: ARCHIVE=samples.7z DIR=unpacked
	python -m stages.tools.unpack --archive "$$ARCHIVE" --folder "$$DIR" $(if $(LIMIT),--limit $(LIMIT))

export: $(VENV)/ready  ## a released set in other files: FORMAT=webdataset|lmdb|parquet DIR=../shards SET=unpacked SHARD=500MB
	python -m stages.tools.export --format "$$FORMAT" $(if $(SET),--set "$$SET") $(if $(DIR),--folder "$$DIR") $(if $(SHARD),--shard "$$SHARD")

export-packages: $(VENV)/export  ## what writes LMDB and Parquet

inspect: $(VENV)/ready  ## scores and measures of any folder of images, best and worst: DIR=../photographs, OUT=…
	python -m stages.tools.inspect --folder "$$DIR" $(if $(OUT),--out "$$OUT")

check-set: $(VENV)/ready  ## any unpacked set, every file of it: DIR=unpacked, EVALUATION=benchmarks
	python -m stages.tools.check_set --folder "$${DIR:-data/dataset}" $(if $(VALIDATION),--validation "$$VALIDATION") $(if $(EVALUATION),--evaluation "$$EVALUATION") $(if $(JSON),--json)

test: $(VENV)/ready $(VENV)/video $(VENV)/heic $(VENV)/export
	python -m pytest

test-quick: $(VENV)/ready $(VENV)/video $(VENV)/heic $(VENV)/export  ## without the runs of the whole pipeline
	python -m pytest -m "not slow and not long and not proof and not tools and not servers and not ray"

test-long: $(VENV)/ready $(VENV)/video $(VENV)/heic $(VENV)/export  ## what `make test` leaves out: long proofs, and sets read by other programs
	python -m pytest -m "tools or long"

test-proofs: $(VENV)/servers $(VENV)/video $(VENV)/heic  ## whole pipelines, for an hour: recipes, releases, faults of remotes
	python -m pytest -m proof

test-servers: $(VENV)/servers  ## pushes to real servers, photographs on real servers, on loopback
	python -m pytest -m "servers and not proof"

test-ray: $(VENV)/ray  ## runs on a real cluster, of two nodes on this machine
	python -m pytest -m ray

lint: $(VENV)/ready
	ruff format --check .
	ruff check .
	mypy

format: $(VENV)/ready
	ruff format .
	ruff check --fix .

bench: $(VENV)/ready  ## see bench/README.md for those that need a peer
	python -m bench.bench_images
	python -m bench.bench_store
	python -m bench.bench_verify
	python -m bench.bench_push --remotes folder
	python -m bench.bench_archive
	python -m bench.bench_unpack
	python -m bench.bench_report
	python -m bench.bench_cutoff --tiles 5000

screenshots: $(VENV)/ready  ## docs/images/ anew, of the pages that the last run has left
	python -m stages.tools.screenshots

weights: $(VENV)/ready  ## fetch a published scorer: make weights MODEL=koniq10k
	python -m stages.tools.weights $(MODEL)

known-sets: $(VENV)/ready  ## data/known_sets.csv anew, from clones: SELFEXSR=../SelfExSR KODAK=../Kodak…
	python -m stages.tools.known_sets --selfexsr "$$SELFEXSR" --kodak "$$KODAK"

datasets: $(VENV)/ready  ## public sets to start from: USE=faces LICENCE=CC-BY MIN_SIDE=1024 REDISTRIBUTE=yes; WRITE=1
	python -m stages.tools.datasets $(if $(USE),--use '$(USE)') $(if $(LICENCE),--licence '$(LICENCE)') $(if $(MIN_SIDE),--min-side '$(MIN_SIDE)') $(if $(REDISTRIBUTE),--redistribute '$(REDISTRIBUTE)') $(if $(WRITE),--write)

$(VENV)/ready: requirements.txt constraints.txt
	$(PYTHON) -c 'import sys; sys.exit("Python 3.11 or newer is needed, got " + sys.version.split()[0] + ": make PYTHON=python3.11") if sys.version_info < (3, 11) else 0'
	$(PYTHON) -m venv $(VENV)
	python -m pip install --quiet --disable-pip-version-check --requirement requirements.txt --constraint constraints.txt
	python -m stages.tools.setup
	touch $@

$(VENV)/remotes $(VENV)/servers $(VENV)/video $(VENV)/heic $(VENV)/ray $(VENV)/export: $(VENV)/%: requirements-%.txt constraints.txt $(VENV)/ready
	python -m pip install --quiet --disable-pip-version-check --requirement $< --constraint constraints.txt
	touch $@
