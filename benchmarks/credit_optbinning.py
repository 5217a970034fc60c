"""optbinning's scorecard on the folds of the benchmark, in a process of its own.

    python -m benchmarks.credit_optbinning german|gmsc

Belongs here: the competitor as its documentation uses it. Does not: folds and data (see `credit_scorecard.py`).
It is told the same codes (96, 98) that our own code finds.
"""

import json
import sys

import numpy as np

from benchmarks.credit_scorecard import DATA
from orchestration.credit.scorecard.inference import characteristics_of
from orchestration.credit.scorecard.validation import auc


def main(name: str) -> int:
    """Print the mean AUC over the folds as JSON."""
    from optbinning import BinningProcess, Scorecard
    from sklearn.linear_model import LogisticRegression

    credit = DATA[name]()
    characteristics, _ = characteristics_of(credit.frame)
    categories = [item.name for item in characteristics if item.is_categorical]
    special = {item.name: {"special_codes": list(item.specials)} for item in characteristics if item.specials}
    frame = credit.frame.astype(dict.fromkeys(categories, object))
    found = []
    for inside, outside in credit.folds():
        binning = BinningProcess(
            list(frame.columns),
            categorical_variables=categories,
            selection_criteria={"iv": {"min": 0.02}},
            binning_fit_params=special,
        )
        card = Scorecard(binning, LogisticRegression(max_iter=2000))
        card.fit(frame.iloc[inside], credit.is_bad[inside].astype(np.int64))
        found.append(auc(card.predict_proba(frame.iloc[outside])[:, 1], credit.is_bad[outside]))
    print(json.dumps({"auc": float(np.mean(found))}))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
