"""False declarations found, on the Korean import declarations: their own split, all lines and lines of unseen goods.

Belongs here: the data in our words, competitors. Does not: the model (see orchestration/credit/declaration_risk).
"""

from functools import cache

import numpy as np
import numpy.typing as npt
import pandas as pd

from benchmarks.harness import SHARED, BenchmarkError, Measured, Value
from orchestration.credit.declaration_risk.fields import checked, is_unseen
from orchestration.credit.declaration_risk.judging import Precision, precision
from orchestration.credit.declaration_risk.model import fit_declaration_risk

DECLARATIONS = SHARED / "customs_kr" / "customs_declarations.parquet"
COLUMNS = {
    "Office ID": "customs_office_code",
    "Process Type": "process_type",
    "Import Type": "procedure_code",
    "Import Use": "import_use",
    "Payment Type": "payment_type",
    "Mode of Transport": "transport_mode",
    "Declarant ID": "declarant_id",
    "Importer ID": "importer_key",
    "Seller ID": "exporter_id",
    "Courier ID": "courier_id",
    "HS6 Code": "hs6_code",
    "Country of Departure": "departure_country",
    "Country of Origin": "origin_country",
    "Tax Rate": "duty_rate_pct",
    "Tax Type": "tax_type_code",
    "Country of Origin Indicator": "origin_indicator_code",
    "Net Mass": "net_mass_kg",
    "Item Price": "line_value_amount",
}
EXTRA = ("import_use", "payment_type", "courier_id")
# Precision at 5 and 10 % of arXiv 2208.02484, table of baselines, all lines of the valid part.
PUBLISHED_LIGHTGBM = Precision(8134, 0.209, 0.762, 0.641)


@cache
def customs() -> dict[str, tuple[Precision, Precision]]:
    """By model: precision over all lines of the valid part, and over those of goods that no line of train has."""
    if not DECLARATIONS.exists():
        raise BenchmarkError(f"{DECLARATIONS.name} is not in {SHARED}")
    rows = pd.read_parquet(DECLARATIONS).sort_values(["Date", "Declaration ID"], kind="stable")
    train, valid = rows[rows["split"] == "train"], rows[rows["split"] == "valid"]
    taught, asked = train.rename(columns=COLUMNS), valid.rename(columns=COLUMNS)
    label, truth = train["Fraud"].to_numpy(bool), valid["Fraud"].to_numpy(bool)
    unseen = is_unseen(checked(asked), checked(taught))
    ranked = {
        "ours": fit_declaration_risk(taught, label, extra=EXTRA).score(asked)["probability"].to_numpy(float),
        "LightGBM, untuned": _lightgbm(train, valid, label),
        "as the same goods before": _memory(taught, asked, label),
    }
    return {name: (precision(truth, p), precision(truth[unseen], p[unseen])) for name, p in ranked.items()}


def _lightgbm(train: pd.DataFrame, valid: pd.DataFrame, label: npt.NDArray[np.bool_]) -> npt.NDArray[np.float64]:
    """Default settings on the columns as they are, categories by number."""
    from lightgbm import LGBMClassifier

    both = pd.concat([train, valid])
    columns = {}
    for name in COLUMNS:
        is_number = name in ("Net Mass", "Item Price", "Tax Rate")
        columns[name] = pd.to_numeric(both[name]) if is_number else pd.factorize(both[name].astype(str), sort=True)[0]
    table = pd.DataFrame(columns, index=both.index).to_numpy(float)
    model = LGBMClassifier(n_jobs=1, verbose=-1, random_state=0).fit(table[: len(train)], label)
    return np.asarray(model.predict_proba(table[len(train) :]))[:, 1]


def _memory(taught: pd.DataFrame, asked: pd.DataFrame, label: npt.NDArray[np.bool_]) -> npt.NDArray[np.float64]:
    """The share of false lines among those of the same (code, mass, value); the base rate for all other lines."""
    keys = ["hs6_code", "net_mass_kg", "line_value_amount"]
    shares = taught[keys].assign(share=label.astype(float)).groupby(keys, as_index=False)["share"].mean()
    return asked[keys].merge(shares, on=keys, how="left")["share"].fillna(label.mean()).to_numpy(float)


def customs_precision() -> Measured:
    """Precision at 5 and 10 % on unseen and on all lines, competitors and the published figure beside ours."""
    found = customs()
    ours_all, ours_unseen = found["ours"]
    others = [name for name in found if name != "ours"]
    base = {"base rate": ours_unseen.base_rate}
    return {
        "customs_unseen_p5": Value(ours_unseen.at_5, {name: found[name][1].at_5 for name in others} | base),
        "customs_unseen_p10": Value(ours_unseen.at_10, {name: found[name][1].at_10 for name in others} | base),
        "customs_all_p5": Value(
            ours_all.at_5,
            {name: found[name][0].at_5 for name in others}
            | {"LightGBM, published": PUBLISHED_LIGHTGBM.at_5, "ours at 10 %": ours_all.at_10}
            | {"LightGBM at 10 %, published": PUBLISHED_LIGHTGBM.at_10}
            | {f"{name} at 10 %": found[name][0].at_10 for name in others},
        ),
    }
