"""Losses of the funnel: what stands out is found and valued, what does not is left alone."""

import numpy as np
import pandas as pd
import pytest

from orchestration.marketing.funnel.columns import LOSS_COLUMNS
from orchestration.marketing.funnel.loss import COUNTS, JUDGED_WEEKS, funnel_loss
from orchestration.marketing.media.attribution import attribution, paths_of, removal_effects

PASS = (0.5, 0.4, 0.5, 0.6)


def weeks_of(member: str, *, weeks: int = 60, visits: int = 2000, seed: int = 1, worse: float = 0.0) -> pd.DataFrame:
    """Weeks of one medium; in the newest one `worse` more of a hundred visitors leave between cart and checkout."""
    rng = np.random.default_rng(seed)
    rows = []
    for week in range(weeks):
        counts = [visits]
        for step, share in enumerate(PASS):
            is_hit = step == 2 and week == weeks - 1
            counts.append(int(rng.binomial(counts[-1], share - (worse if is_hit else 0.0))))
        day = pd.Timestamp("2025-01-06") + pd.Timedelta(days=7 * week)
        rows.append(["medium", member, day, *counts, int(rng.binomial(visits, 0.3)), 50.0 * counts[-1]])
    return pd.DataFrame(rows, columns=["dimension", "member", "week_on", *COUNTS, "bounce_count", "value_usd"])


def test_a_week_that_loses_more_is_found_and_valued() -> None:
    found = funnel_loss(
        pd.concat([weeks_of("email", worse=0.2), weeks_of("social", seed=2), weeks_of("display", seed=3)])
    )
    odd = found[found["is_unusual"]]
    assert odd[["member", "step"]].to_numpy().tolist() == [["email", "cart to checkout"]]
    row = odd.iloc[0]
    assert row["week_on"] == pd.Timestamp("2026-02-23")
    # 400 carts, of which 80 more leave than usual; six in ten of those who pass buy, for 50 dollars each.
    assert row["excess_lost_count"] == pytest.approx(80, abs=25)
    assert row["lost_orders"] == pytest.approx(row["excess_lost_count"] * 0.6, rel=0.05)
    assert row["lost_value_usd"] == pytest.approx(50 * row["lost_orders"])
    assert row["lower_lost_orders"] < row["lost_orders"] < row["upper_lost_orders"]


def test_quiet_markets_raise_few_alarms_and_small_parts_none() -> None:
    alarms = [int(funnel_loss(weeks_of("email", seed=seed, visits=500))["is_unusual"].sum()) for seed in range(8)]
    assert sum(count > 0 for count in alarms) <= 1
    assert funnel_loss(weeks_of("email", visits=20)).empty
    assert funnel_loss(weeks_of("email", weeks=JUDGED_WEEKS)).empty


def test_a_market_that_scatters_by_itself_is_given_room() -> None:
    """Weeks whose rate moves by four points: what would be an alarm by chance alone is none here."""
    rng = np.random.default_rng(5)
    weeks = weeks_of("all", visits=5000)
    rate = np.clip(0.5 + 0.04 * rng.standard_normal(len(weeks)), 0.3, 0.7)
    weeks["product_count"] = (weeks["view_count"] * rate).astype(int)
    weeks["cart_count"] = (weeks["product_count"] * 0.4).astype(int)
    found = funnel_loss(weeks)
    rows = found[found["step"] == "view to product"]
    assert len(rows) == JUDGED_WEEKS
    assert not rows["is_unusual"].any()
    assert (rows["upper_loss_pct"] - rows["lower_loss_pct"]).mean() > 8


def test_no_visits_no_rows() -> None:
    empty = weeks_of("email").head(0)
    assert funnel_loss(empty).columns.tolist() == list(LOSS_COLUMNS)


def visits_of(*rows: tuple[str, str, str, float | None]) -> pd.DataFrame:
    frame = pd.DataFrame(rows, columns=["visitor", "started_at", "medium", "value_usd"])
    frame["started_at"] = pd.to_datetime(frame["started_at"])
    return frame.assign(is_order=frame["value_usd"].notna())


def test_credits_of_the_four_rules_by_hand() -> None:
    visits = visits_of(
        # Told in no order. First social, then email twice, then an order through direct.
        ("a", "2026-01-20", "direct", 100.0),
        ("a", "2026-01-01", "social", None),
        ("a", "2026-01-05", "email", None),
        ("a", "2026-01-09", "email", None),
        # After an order a new path begins: this one has no order.
        ("a", "2026-01-21", "email", None),
        # More than thirty days apart: two paths.
        ("b", "2025-11-01", "social", None),
        ("b", "2026-01-02", "email", 60.0),
    )
    paths = paths_of(visits)
    assert paths.is_order.tolist() == [True, False, False, True]
    found = attribution(paths).set_index(["model", "medium"])["orders"]
    assert found["last"].to_dict() == {"direct": 1, "email": 1, "social": 0}
    assert found["first"].to_dict() == {"direct": 0, "email": 1, "social": 1}
    assert found["position"].to_dict() == pytest.approx({"direct": 0.4, "email": 1.2, "social": 0.4})
    assert found["markov"].sum() == pytest.approx(2)
    revenue = attribution(paths).set_index(["model", "medium"])["revenue_usd"]
    assert revenue["last"].to_dict() == {"direct": 100, "email": 60, "social": 0}


def test_the_removal_effect_by_hand() -> None:
    """Half of the visitors come by one medium and always buy, the other half by the other and buy in half the cases."""
    visits = visits_of(
        ("a", "2026-01-01", "email", 1.0),
        ("b", "2026-01-01", "email", 1.0),
        ("c", "2026-01-01", "social", 1.0),
        ("d", "2026-01-01", "social", None),
    )
    # Without email 0.25 of 0.75 is left, without social 0.5: two thirds and one third are lost.
    assert removal_effects(paths_of(visits)) == pytest.approx([2 / 3, 1 / 3])


def test_credits_without_orders_or_visits() -> None:
    assert attribution(paths_of(visits_of(("a", "2026-01-01", "email", None)))).empty
    assert attribution(paths_of(visits_of())).empty
