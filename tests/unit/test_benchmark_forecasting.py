"""The scores of the forecasting benchmark: one function for all, checked by hand and by what others have published."""

import numpy as np
import pandas as pd
import pytest

from benchmarks.forecasting import SUITE
from benchmarks.forecasting_m3 import Period, Score, published, shared
from benchmarks.harness import BenchmarkError


def test_the_scores_are_those_of_their_definitions():
    period = Period("YEARLY", 1, pd.DataFrame(), ("a",), np.array([[10.0, 20.0]]), np.array([2.0]))
    quantiles = np.tile([8.0, 9, 10, 11, 12, 13, 14, 15], (1, 2, 1))
    score = Score()
    score.add(period, np.array([[10.0, 12.0]]), quantiles)
    found = score.figures()
    assert found["smape"] == pytest.approx(200 * 8 / 32 / 2)
    assert found["mase"] == pytest.approx(8 / 2 / 2)
    assert found["coverage95"] == 0.5
    # Width 6 twice, and forty times the six that the second value lies above.
    assert found["msis"] == pytest.approx((6 + 6 + 40 * 6) / 2 / 2)


def test_theta_scores_what_it_is_known_to_score():
    try:
        scores = published()
    except BenchmarkError as error:
        pytest.skip(str(error))
    assert scores["THETA"]["smape"] == pytest.approx(13.051, abs=0.001)
    assert min(scores, key=lambda name: scores[name]["smape"]) == "THETA"


def test_absent_data_are_named(monkeypatch, tmp_path, capsys):
    monkeypatch.setattr("benchmarks.forecasting_m3.SHARED", tmp_path)
    with pytest.raises(BenchmarkError, match=r"m3/m3_meta\.parquet is not under"):
        shared("m3/m3_meta.parquet")
    assert SUITE.main(["--json", "--only", "m3_smape"]) == 1
    assert "m3_smape: m3/m3_meta.parquet is not under" in capsys.readouterr().err
