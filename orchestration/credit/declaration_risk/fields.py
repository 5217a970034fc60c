"""What the model reads of a declaration line, by the column names of `fct_declarations`.

Belongs here: names and checks of a frame of declarations. Does not: figures made of them (see encoding.py).
"""

from collections.abc import Sequence

import numpy as np
import pandas as pd

CODE, MASS, VALUE, RATE = "hs6_code", "net_mass_kg", "line_value_amount", "duty_rate_pct"
NUMBERS = (MASS, VALUE, RATE)
# Parties and routes: who declares, for whom, from where, under which procedure.
CATEGORIES = (
    "customs_office_code",
    "procedure_code",
    "transport_mode",
    "declarant_id",
    "importer_key",
    "exporter_id",
    "departure_country",
    "origin_country",
    "tax_type_code",
    "origin_indicator_code",
)
# A stated rate belongs to a code, an origin and an agreement: what does not fit together stands out in a pair.
PAIRS = (
    (CODE, "origin_country"),
    ("hs2_code", "origin_country"),
    ("departure_country", "origin_country"),
    ("tax_type_code", RATE),
    ("hs2_code", "tax_type_code"),
)
MISSING = ""


class DeclarationError(ValueError):
    """A frame of declarations that cannot be learnt from or judged; the message names the column or row."""


def checked(declarations: pd.DataFrame, extra: Sequence[str] = ()) -> pd.DataFrame:
    """The fields of the model, with codes as text and amounts as numbers; `extra` categories follow those known.

    Categories that a file does not have are left out. Raises DeclarationError when code, mass or value is absent, or
    an amount is no number; an amount that is missing or not above zero is unknown (NaN).
    """
    for column in (CODE, MASS, VALUE, *extra):
        if column not in declarations.columns:
            raise DeclarationError(f"the declarations have no column {column}")
    fields = pd.DataFrame(index=declarations.index)
    code = declarations[CODE].astype("string").str.strip().str.replace(".", "", regex=False)
    fields[CODE] = code.str.zfill(6).str[:6].fillna(MISSING).astype(object)
    fields["hs4_code"] = fields[CODE].str[:4]
    fields["hs2_code"] = fields[CODE].str[:2]
    for column in NUMBERS:
        if column not in declarations.columns:
            fields[column] = np.nan
            continue
        number = pd.to_numeric(declarations[column], errors="coerce").astype(float)
        is_wrong = number.isna() & declarations[column].notna()
        if is_wrong.any():
            row = is_wrong.to_numpy().argmax()
            raise DeclarationError(f"row {row + 1}, {column}: {declarations[column].iloc[row]!r} is no number")
        fields[column] = number if column == RATE else number.where(number > 0)
    for column in (*CATEGORIES, *extra):
        if column in declarations.columns:
            text = declarations[column].astype("string").str.strip()
            fields[column] = text.fillna(MISSING).astype(object)
    return fields


def categories_of(fields: pd.DataFrame) -> tuple[str, ...]:
    """The categories that these fields hold."""
    return tuple(column for column in fields.columns if column not in NUMBERS)


def triples(fields: pd.DataFrame) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    """A number for each (code, mass, value): lines that share it are the same goods declared again, or copies."""
    # A missing amount is a value of its own here: 0 is none, see `checked`.
    key = fields[CODE] + "|" + fields[MASS].fillna(0.0).astype(str) + "|" + fields[VALUE].fillna(0.0).astype(str)
    return pd.factorize(key)[0].astype(np.int64)


def is_unseen(fields: pd.DataFrame, known: pd.DataFrame) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    """Whether the (code, mass, value) of a line stands in no line of `known`: only there does a score tell anything."""
    both = triples(pd.concat([known, fields], ignore_index=True))
    return ~np.isin(both[len(known) :], both[: len(known)])
