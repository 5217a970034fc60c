"""Rows of one person in folds, the challenger, and columns that say nothing."""

import numpy as np
import pandas as pd
import pytest

from orchestration.credit.scorecard.challenger import ChallengerSettings, fit_challenger
from orchestration.credit.scorecard.characteristic import Characteristic, ScorecardError
from orchestration.credit.scorecard.fitting import fit_scorecard, fold_numbers
from tests.unit.test_credit_scorecard import ALL, ROWS, sellers


@pytest.fixture(scope="module")
def data() -> tuple[pd.DataFrame, np.ndarray]:
    return sellers()


def test_rows_of_one_person_stay_in_one_fold() -> None:
    generator = np.random.default_rng(12)
    person = generator.permutation(np.repeat(np.arange(120), 6))
    is_bad_person = generator.random(120) < 0.3
    is_bad = is_bad_person[person] & (generator.random(720) < 0.8)
    fold = fold_numbers(is_bad, 5, 1, person)
    assert pd.Series(fold).groupby(person).nunique().max() == 1
    has_bad = np.bincount(person, weights=is_bad) > 0
    of_person = pd.Series(fold).groupby(person).first()
    assert of_person[has_bad].value_counts().max() - of_person[has_bad].value_counts().min() <= 1
    # Whatever the order of the rows, a person's fold is the same.
    mixed = generator.permutation(720)
    assert (fold_numbers(is_bad[mixed], 5, 1, person[mixed]) == fold[mixed]).all()

    # A mark of the person himself says nothing of others; folds that divide his rows believe in it.
    street, age = generator.integers(0, 40, 120).astype(str), generator.normal(size=720) - is_bad
    frame = pd.DataFrame({"street": street[person], "age": age})
    asked = [Characteristic("street", is_categorical=True), Characteristic("age", 1)]
    assert fit_scorecard(frame, is_bad, asked).names == ["street", "age"]
    found = fit_scorecard(frame, is_bad, asked, groups=person)
    assert found.names == ["age"]
    alone = fit_scorecard(frame, is_bad, asked[1:], groups=np.arange(720))
    # Six rows of a person tell less of the coefficient than six people would.
    assert found.parts[0].error > 1.3 * alone.parts[0].error
    with pytest.raises(ScorecardError, match="1 rows have no group"):
        fit_scorecard(frame, is_bad, asked, groups=pd.Series([None, *map(str, person[1:])]))


def test_the_challenger_keeps_directions(data: tuple[pd.DataFrame, np.ndarray]) -> None:
    frame, is_bad = data
    trees = fit_challenger(frame, is_bad, ALL, settings=ChallengerSettings(rounds=30, learning_rate=0.1))
    line = pd.DataFrame({"turnover": np.linspace(0, 400, 50), "delay": 4.0, "kind": "cars"})
    assert (np.diff(trees.probability(line)) <= 1e-12).all()
    assert np.isfinite(trees.probability(pd.DataFrame({"turnover": [np.nan], "delay": [-9.0], "kind": [None]}))).all()


def test_columns_without_a_value_harm_neither_card_nor_challenger(data: tuple[pd.DataFrame, np.ndarray]) -> None:
    frame, is_bad = data
    empty = frame.assign(numbers=np.nan, texts=None, words=pd.Series([None] * ROWS, dtype="string"), only_code=-9.0)
    silent = [Characteristic("numbers", 1), Characteristic("texts", -1), Characteristic("words", is_categorical=True)]
    asked = [*ALL, *silent, Characteristic("only_code", 1, specials={-9.0: "withheld"})]
    few = ChallengerSettings(rounds=5)
    trees, plain = (fit_challenger(empty, is_bad, names, settings=few) for names in (asked, asked[:3]))
    later = empty.assign(numbers=3.0, texts="7", words="new", only_code=1.0)
    assert (trees.probability(later) == trees.probability(empty)).all()
    assert np.corrcoef(trees.probability(empty), plain.probability(empty))[0, 1] > 0.9
    card = fit_scorecard(empty, is_bad, asked)
    assert card.names == ["turnover", "delay", "kind"]
    assert (card.score(later)["score"] == card.score(frame.assign(**dict.fromkeys(empty.columns[3:])))["score"]).all()
    for fit in (fit_challenger, fit_scorecard):
        with pytest.raises(ScorecardError, match="in any row"):
            fit(empty, is_bad, silent)
