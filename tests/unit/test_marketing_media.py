"""What media add: a known effect is found, what cannot be told is refused, a budget is moved within its bounds."""

from dataclasses import replace

import duckdb
import numpy as np
import pytest

from orchestration.forecasting.demand.calendar import CalendarEvent, events_of, read_calendar
from orchestration.marketing.media.budget import MOST_CHANGE, suggest
from orchestration.marketing.media.effect import MediaFit, MediaHistory, NotIdentifiableError, fit_media
from orchestration.marketing.media.gate import MARKETS_WITH_FIGURES
from orchestration.marketing.media.night import market_media
from orchestration.marketing.media.plots import market_pictures
from orchestration.marketing.media.reading import _VISITS, READ
from orchestration.marketing.media.shapes import adstock, saturated
from orchestration.modeling.manifest import published_models

# Decay, half-saturation and largest lift: none of them lies on the grid.
TRUTH = {"search": (0.2, 1.1, 0.30), "video": (0.7, 3.0, 0.20)}
DAYS = 900


def market(*, control: float = 3.0, seed: int = 1) -> tuple[MediaHistory, np.ndarray]:
    """A market with two media whose budgets pause for weeks, and the orders that each has added in the mean."""
    rng = np.random.default_rng(seed)
    days = np.datetime64("2024-01-01") + np.arange(DAYS)
    weeks = DAYS // 7 + 1
    budget = np.exp(0.4 * rng.standard_normal((weeks, 2))) * (rng.random((weeks, 2)) > 0.15)
    spend = np.repeat(budget, 7, axis=0)[:DAYS]
    lift = np.stack(
        [
            height * saturated(adstock(spend[:, place], decay), half)
            for place, (decay, half, height) in enumerate(TRUTH.values())
        ],
        axis=1,
    )
    # Storms that all channels feel: what a control is for.
    base = 300 * np.exp(0.2 * np.sin(np.arange(DAYS) / 58)) * rng.gamma(20, 1 / 20, DAYS)
    own = rng.poisson(base * (1 + lift.sum(axis=1))).astype(float)
    others = rng.poisson(base * control).astype(float) if control else np.zeros(DAYS)
    return MediaHistory("GB", days, own, others, tuple(TRUTH), 100 * spend), (base[:, None] * lift).sum(axis=0)


def steady_lift(spend_per_day: np.ndarray) -> list[float]:
    """What the media truly add to the base at these steady budgets."""
    return [
        height * spend / 100 / (1 - decay) / (spend / 100 / (1 - decay) + half)
        for spend, (decay, half, height) in zip(spend_per_day, TRUTH.values(), strict=True)
    ]


@pytest.fixture(scope="module")
def calendar() -> tuple[CalendarEvent, ...]:
    return events_of(read_calendar(), "GB")


@pytest.fixture(scope="module")
def fitted(calendar: tuple[CalendarEvent, ...]) -> tuple[MediaFit, np.ndarray]:
    history, truth = market()
    return fit_media(history, calendar), truth


def test_a_known_effect_lies_in_a_narrow_interval(fitted: tuple[MediaFit, np.ndarray]) -> None:
    fit, truth = fitted
    lower, upper = np.quantile(fit.orders, [0.05, 0.95], axis=0)
    assert fit.method == "share"
    assert (lower < truth).all()
    assert (truth < upper).all()
    assert (upper - lower < truth).all()
    # Base and additions are all orders that the model expects.
    assert fit.fitted.sum() == pytest.approx(fit.history.own_orders.sum(), rel=0.01)


def test_without_a_control_the_interval_is_wider_and_still_holds(
    fitted: tuple[MediaFit, np.ndarray], calendar: tuple[CalendarEvent, ...]
) -> None:
    history, truth = market(control=0.0)
    fit = fit_media(history, calendar)
    lower, upper = np.quantile(fit.orders, [0.05, 0.95], axis=0)
    assert fit.method == "count"
    assert (lower < truth).all()
    assert (truth < upper).all()
    assert (np.ptp(np.quantile(fit.orders, [0.05, 0.95], axis=0), axis=0)
            > np.ptp(np.quantile(fitted[0].orders, [0.05, 0.95], axis=0), axis=0)).all()  # fmt: skip


def test_what_cannot_be_told_is_said(calendar: tuple[CalendarEvent, ...]) -> None:
    history, _ = market()
    search = history.spend[:, 0]
    several = replace(
        history,
        media=("search", "nothing", "flat", "twin", "rare"),
        spend=np.stack([search, 0 * search, 0 * search + 5, 2 * search, np.where(np.arange(DAYS) < 9, 5, 0)], axis=1),
    )
    fit = fit_media(several, calendar)
    assert fit.media == ("search",)
    assert fit.refused == {
        "nothing": "nothing was spent",
        "flat": "spend hardly changes, so its effect cannot be told from the level of demand",
        "twin": "spend moves with that of search, which stands for both",
        "rare": "money was spent on 9 days; 30 are needed",
    }
    with pytest.raises(NotIdentifiableError, match="nothing was spent"):
        fit_media(replace(history, spend=0 * history.spend), calendar)
    with pytest.raises(NotIdentifiableError, match="0 orders through the channels"):
        fit_media(replace(history, own_orders=0 * history.own_orders), calendar)
    with pytest.raises(NotIdentifiableError, match="100 days with visits or spend; 180 are needed"):
        fit_media(MediaHistory("GB", history.days[:100], history.own_orders[:100], history.other_orders[:100],
                               history.media, history.spend[:100]), calendar)  # fmt: skip


def test_a_move_keeps_the_budget_and_its_bounds(fitted: tuple[MediaFit, np.ndarray]) -> None:
    fit, _ = fitted
    found = suggest(fit)
    change = found.suggested / found.now - 1
    assert found.suggested.sum() == pytest.approx(found.now.sum(), rel=0.02)
    assert (np.abs(change) <= MOST_CHANGE + 1e-9).all()
    assert found.gain.mean() >= 0
    assert np.abs(change).max() > 0.1
    # The interval of the promise holds what the move truly brings, here next to nothing: budgets were nearly right.
    truth = 7 * fit.base_per_day * (sum(steady_lift(found.suggested)) - sum(steady_lift(found.now)))
    lower, upper = np.quantile(found.gain, [0.01, 0.99])
    assert lower < truth < upper


def database(rows: dict[str, str]) -> duckdb.DuckDBPyConnection:
    """The published tables that are read, empty but for these rows: name of a table → values by column, as SQL."""
    con = duckdb.connect()
    for name in READ:
        columns = ", ".join(f"{column.name} {column.type}" for column in published_models()[name].spec.columns)
        con.execute(f"create table {name} ({columns})")
        if name in rows:
            con.execute(f"insert into {name} by name {rows[name]}")
    con.execute(_VISITS)
    return con


def test_a_market_without_visits_has_no_figures_and_says_so() -> None:
    orders = "select 'GB' as market, 'A' as order_key, date '2011-01-01' as ordered_on, 5 as total_amount_usd"
    with database({"fct_orders": orders}) as con:
        one = market_media(con, "GB", read_calendar())
    assert one.words == "no sessions; no spend on media"
    assert {name: len(frame) for name, frame in one.frames.items() if len(frame)} == {}
    assert market_pictures(one) == {}


def test_visits_without_spend_and_spend_without_visits() -> None:
    visits = """
        select 'GB' as market, 's' || n as session_key, 'c' || n % 50 as customer_key, 'own' as channel,
            timestamp '2026-01-01' + n * interval 1 hour as started_at, started_at::date as started_on,
            'email' as medium, 'phone' as screen, '/' as landing_page, 1 + n % 5 as stage_no, false as is_bounce,
            n = 7 as is_bot_suspect, if(n % 5 = 4, 'o' || n, null) as order_key, if(n % 5 = 4, 30, null) as value_usd
        from range(3000) as t(n)
    """
    orders = """
        select 'GB' as market, 'o' || n as order_key, 'c' || n % 50 as customer_key, 'own' as channel,
            timestamp '2026-01-01' + n * interval 1 hour as ordered_at, ordered_at::date as ordered_on,
            30 as total_amount_usd
        from range(4, 3000, 5) as t(n)
    """
    media = """
        select 'GB' as market, date '2026-01-01' + n::integer as day, 'social' as medium, 10 as spend_amount_usd,
            0 as session_count, 0 as order_count, 0 as clicks, 0 as revenue_usd
        from range(125) as t(n)
    """
    with database({"fct_sessions": visits, "fct_orders": orders, "fct_media_daily": media}) as con:
        one = market_media(con, "GB", read_calendar())
    assert one.words.startswith("no effect of media can be told: 125 days")
    kpi = one.frames["media_kpi"].set_index("month").loc["2026-01"]
    assert (kpi["medium"], kpi["spend_usd"], kpi["roas"]) == ("social", 310, 0)
    credited = one.frames["media_attribution"]
    assert credited[credited["model"] == "last"]["orders"].sum() == 600
    assert credited["seen_pct"].unique().tolist() == [100]
    effect = one.frames["media_effect"].iloc[0]
    assert (effect["medium"], effect["is_identified"], effect["spend_usd"]) == ("social", False, 1250)
    losses = one.frames["funnel_loss"]
    assert losses.loc[losses["step"] == "bounce", "lost_orders"].isna().all()
    assert set(market_pictures(one)) == {"funnel", "losses"}


def test_pictures_of_a_whole_market(fitted: tuple[MediaFit, np.ndarray]) -> None:
    from orchestration.marketing.media import night, plots

    fit, _ = fitted
    frames = {
        "media_contribution": night._contributions(fit),
        "media_effect": night._effects(fit, 50.0),
        "media_response": night.curves(fit),
        "funnel_loss": night.pd.DataFrame(),
    }
    one = night.MarketMedia("GB", frames, night.pd.DataFrame(), fit, suggest(fit), "")
    assert plots.contributions_plot(one).startswith(b"\x89PNG")
    assert plots.responses_plot(one).startswith(b"\x89PNG")
    effects = frames["media_effect"].set_index("medium")
    assert effects["is_identified"].all()
    assert (effects["lower_incremental_roas"] < effects["incremental_roas"]).all()


def test_a_market_without_visits_and_spend_is_not_judged():
    """Online Retail has neither: a gate that saw nothing of a market would hold it back."""
    with duckdb.connect() as con:
        con.execute("create schema marketing")
        con.execute("create table marketing.studied as select unnest(['AA', 'BB', 'CC']) as market")
        con.execute("create table marketing.media_effect as select 'AA' as market, null::double as extra_orders")
        for name in ("media_attribution", "budget_suggestion"):
            con.execute(f"create table marketing.{name} (market varchar)")
        con.execute("create table marketing.funnel_loss as select 'BB' as market")
        assert con.execute(MARKETS_WITH_FIGURES).fetchall() == [("BB",)]
