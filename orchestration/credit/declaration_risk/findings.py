"""What customs found when they inspected: the labels that declaration risk is learnt from.

Belongs here: one file of findings. Does not: declarations, which are read from the published ones.
"""

from pathlib import Path

import pandas as pd

from orchestration.credit.declaration_risk.fields import DeclarationError

COLUMNS = ("declaration_no", "is_false")
_WORDS = {"true": True, "1": True, "yes": True, "false": False, "0": False, "no": False}


def read_findings(path: Path) -> pd.DataFrame:
    """declaration_no and is_false of every inspected declaration, from a CSV or Parquet file with these columns.

    Raises DeclarationError, which names file and row, for an absent file or column, an empty number, a finding that is
    neither true nor false, and two findings of one declaration that contradict each other. The same finding twice is
    one.
    """
    if path.suffix.lower() not in (".csv", ".parquet"):
        raise DeclarationError(f"{path.name}: findings are read from .csv and .parquet")
    if not path.exists():
        raise DeclarationError(f"{path.name}: there is no such file of findings")
    rows = pd.read_parquet(path) if path.suffix.lower() == ".parquet" else pd.read_csv(path, dtype="string")
    for column in COLUMNS:
        if column not in rows.columns:
            raise DeclarationError(f"{path.name}: no column {column}; it has {', '.join(map(str, rows.columns))}")
    number = rows["declaration_no"].astype("string").str.strip().fillna("")
    finding = rows["is_false"].astype("string").str.strip().str.lower().map(_WORDS)
    for column, is_wrong in (("declaration_no", number == ""), ("is_false", finding.isna())):
        if is_wrong.any():
            row = int(is_wrong.to_numpy().argmax())
            raise DeclarationError(f"{path.name}, row {row + 1}: {column} is {rows[column].iloc[row]!r}")
    found = pd.DataFrame({"declaration_no": number.astype(object), "is_false": finding.astype(bool)})
    found = found.drop_duplicates()
    is_twice = found["declaration_no"].duplicated(keep="first")
    if is_twice.any():
        row = int(found.index[is_twice][0])
        raise DeclarationError(f"{path.name}, row {row + 1}: declaration {number.iloc[row]} is both true and false")
    return found.reset_index(drop=True)
