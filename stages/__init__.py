"""From folders of photographs to a released training set. One script a stage."""

import sys
from importlib.util import find_spec

for package in ("imagecodecs", "pydantic", "torch"):
    if find_spec(package) is None:
        sys.exit(
            f"error: {sys.executable} lacks the project's packages, as {package}: use the Python "
            "that `make run` sets up, .venv/bin/python, or install requirements.txt for this one"
        )
