"""The report of a market: every section from few rows, each empty one says why, and no text of the data is taken for
HTML."""

import re
from datetime import date, timedelta
from html.parser import HTMLParser

import pytest

from orchestration.reporting.market_report.page import render
from orchestration.reporting.market_report.queries import QUERIES
from orchestration.reporting.market_report.reading import Facts, read_frames
from tests.published_tables import Row, published

AS_OF = date(2026, 8, 31)
SECTIONS = ("customers", "show", "funnel", "media", "stock", "customs", "credit", "quality")
EVIL = '<img src=x onerror="alert(1)">&"\''
VOID = {"meta", "br", "img", "link", "input"}


def rows() -> dict[str, list[Row]]:
    """A market with something in every section; every text that data can bring is hostile."""
    days = [AS_OF - timedelta(days=7 * week) for week in range(12)]
    months = ("2026-06", "2026-07", "2026-08")
    stages = ("view", "product", "cart", "checkout", "paid")
    found: dict[str, list[Row]] = {
        "dim_market": [{"market": "GB", "market_name": f"Kingdom {EVIL}"}],
        "dim_product": [{"market": "GB", "product_key": "k1", "product_id": "P1", "product_name": f"Cup {EVIL}"}],
        "fct_orders": [
            {"market": "GB", "ordered_on": AS_OF, "channel": EVIL, "customer_key": f"person{n}", "seller_id": "S1",
             "total_amount_usd": 20, "_loaded_at": "2026-09-01 02:00:00"} for n in range(12)
        ] + [{"market": "GB", "ordered_on": AS_OF, "channel": "tiny", "customer_key": "person1", "seller_id": "S1"}],
        "market_kpi": [
            {"market": "GB", "kpi_on": day, "kpi_id": kpi, "flow": "all", "numerator": 9.0, "denominator": 10.0}
            for day in days for kpi in ("orders", "net_revenue_usd", "on_time_pct", "matching_success_pct")
        ],
        "segment_summary": [
            {"market": "GB", "kind": "segment", "name": name, "title_en": EVIL, "title_zh": "客", "rule": EVIL,
             "customer_count": count, "customer_pct": 50.0, "net_amount_pct": 70.0, "agreement_pct": 92.0}
            for name, count in (("best", 41), ("few", 3))
        ] + [{"market": "GB", "kind": "taste", "name": EVIL, "customer_count": 30, "customer_pct": 40.0}],
        "surprise": [{"market": "GB", "surprise_rank": 1, "gender": "female", "subdivision_code": "GB-SCT",
                      "category_code": EVIL, "ratio": 1.8, "low_ratio": 1.4, "high_ratio": 2.3, "buyer_count": 33}],
        "audience_cell": [
            {"market": "GB", "dimension": "gender", "group_value": EVIL, "buyer_count": 33, "top_categories": EVIL,
             "is_suppressed": False},
            {"market": "GB", "dimension": "gender", "group_value": "hidden one", "is_suppressed": True},
        ],
        "customer_value": [{"market": "GB", "purchase_count": 2, "expected_value_12m_usd": 10.0,
                            "alive_probability": 0.7, "is_churned": False, "mean_amount_usd": 9.0}],
        "retention_cohort": [
            {"market": "GB", "cohort_month": month, "months_since": since, "cohort_count": 30, "retained_pct": 12.0,
             "is_complete": True} for month in months for since in (1, 2)
        ],
        "recommendation": [
            {"market": "GB", "source_id": "hub", "customer_key": key, "rank": 1, "product_key": "k1",
             "product_id": "P1", "model": "blend", "made_on": AS_OF} for key in ("*", "person1")
        ],
        "first_screen": [{"market": "GB", "landing_page": EVIL, "medium": "*", "rank": 1, "product_key": "k1",
                          "product_id": "P1", "session_count": 5}],
        "funnel": [
            {"market": "GB", "started_on": AS_OF, "stage": stage, "stage_no": place, "medium": EVIL, "screen": "phone",
             "session_count": 100 // place, "bounce_count": 30 if place == 1 else 0}
            for place, stage in enumerate(stages, start=1)
        ],
        "fct_landing_page_month": [
            {"market": "GB", "month": "2026-08", "landing_page": EVIL, "session_count": 40, "paid_count": 2}
        ],
        "funnel_loss": [{"market": "GB", "dimension": "landing_page", "member": EVIL, "step": "cart to checkout",
                         "week_on": AS_OF, "loss_pct": 60.0, "usual_loss_pct": 30.0, "is_unusual": True,
                         "lost_orders": 2.5, "lost_value_usd": 80.0}],
        "media_kpi": [{"market": "GB", "month": month, "medium": EVIL, "spend_usd": 100, "order_count": 3,
                       "revenue_usd": 250} for month in months],
        "media_effect": [{"market": "GB", "medium": EVIL, "year_spend_usd": 300.0, "incremental_roas": 1.8,
                          "lower_incremental_roas": 0.6, "upper_incremental_roas": 2.9, "is_identified": True}],
        "budget_suggestion": [{"market": "GB", "medium": EVIL, "spend_per_day_usd": 3.0, "certainty_pct": 85.0,
                               "suggested_per_day_usd": 3.9, "change_pct": 30.0, "words": EVIL}],
        "fct_daily_demand": [{"market": "GB", "sold_on": day, "sold_qty": 5} for day in days],
        "demand_forecast": [
            {"market": "GB", "node_type": "market", "step": "week", "made_on": AS_OF, "forecast_qty": 5.0,
             "target_on": AS_OF + timedelta(days=7 * week), "p100_qty": 2.0, "p900_qty": 9.0} for week in range(4)
        ],
        "reorder": [{"markets": "GB (60 %), FR (40 %)", "site_code": "W1", "product_id": "P1", "suggested_qty": 8.0,
                     "is_below_reorder_point": True, "order_value_usd": 99.0, "reason": EVIL}],
        "assortment": [{"market": "GB", "category_code": EVIL, "action": "thin", "evidence": EVIL,
                        "products": f"P2, P9, {EVIL}", "revenue_usd": 9.0}],
        "stg_products": [{"product_id": "P2", "product_name": f"Kettle {EVIL}"}],
        "exception_worklist": [{"market": "GB", "exception_id": "match_mismatch", "owner_role": "customs",
                                "reason": EVIL, "order_no": EVIL, "left_value": EVIL, "value_at_risk_usd": 7,
                                "act_from_on": AS_OF}],
        "fct_trade_ledger": [{"market": "GB", "month": month, "order_key": month, "waits_for": "received",
                              "declared_at": "2026-08-01 00:00:00", "released_at": "2026-08-01 05:00:00"}
                             for month in months],
        "seller_score": [{"seller_id": "S1", "as_of_on": AS_OF, "grade": EVIL, "score": 610.0, "is_stale": True,
                          "stale_reason": EVIL}],
        "credit_exposure": [{"market": "GB", "grade": "AA", "as_of_on": AS_OF, "seller_count": 4,
                             "outstanding_usd": 50.0, "overdue_usd": 0.0, "expected_loss_usd": 1.0}],
        "row_balance": [{"feed": "orders", "market": "GB", "state": state, "row_count": 50}
                        for state in ("accepted", "quarantined")],
        "quarantine": [{"market": "GB", "rule_id": "r", "feed": "orders", "reason": EVIL}],
    }  # fmt: skip
    return found


class Seen(HTMLParser):
    """What a browser would see: elements, what is open at the end, attributes that load something."""

    def __init__(self) -> None:
        super().__init__()
        self.sections: list[str] = []
        self.open: list[str] = []
        self.names: set[str] = set()
        self.loads: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note the element."""
        given = dict(attrs)
        self.names.add(tag)
        if tag == "section":
            self.sections.append(str(given["id"]))
        if tag not in VOID:
            self.open.append(tag)
        self.loads += [str(given[name]) for name in ("src", "href", "onerror") if name in given]

    def handle_endtag(self, tag: str) -> None:
        """Close it: whatever is not closed in order shows."""
        assert tag in VOID or self.open.pop() == tag


def seen(page: str) -> Seen:
    parser = Seen()
    parser.feed(page)
    assert not parser.open
    return parser


@pytest.fixture(scope="module")
def page() -> str:
    with published(rows()) as con:
        return render(Facts("GB", read_frames(con, "GB"))).replace("\N{NO-BREAK SPACE}", " ")


def test_every_section_is_there_and_the_page_loads_nothing(page):
    found = seen(page)
    assert tuple(found.sections) == SECTIONS
    assert re.findall('class="empty">([^<]*)', page) == []
    assert all(link.startswith("#") for link in found.loads)
    assert page.count("<svg") >= 10
    assert not re.search(r"https?://|@import|url\(", page)


def test_text_of_the_data_stays_text(page):
    assert "img" not in seen(page).names
    assert "<img" not in page
    assert page.count("&lt;img") >= 20


def test_no_person_and_no_cell_below_ten_people_is_shown(page):
    assert "person1" not in page
    assert "tiny" not in page
    assert page.count('<td class="num">41</td>') == 1, "the segment of three is left out"
    assert "best" not in page
    assert '<td class="num">33</td>' in page
    assert "hidden one" not in page


def test_figures_carry_units_and_the_page_says_what_it_knows(page):
    assert "As of 2026-08-31" in page
    assert "Records loaded up to 2026-09-01 02:00 UTC" in page
    assert "20.0 % ended in a paid order" in page
    assert "Women in GB-SCT" in page
    assert "1.8 × <small>1.4 to 2.3</small>" in page
    assert "1.80 dollars of added sales" in page
    assert "<b>5.0 hours</b>" in page


def test_a_product_that_nobody_has_bought_here_yet_has_its_name(page):
    assert re.search(r"Kettle &lt;img[^<]* P2<br>P9<br>", page)


def test_an_empty_section_says_why():
    with published({"fct_orders": [{"market": "GB", "ordered_on": AS_OF}]}) as con:
        page = render(Facts("GB", read_frames(con, "GB"), ["2026-08-30: staging: too many rows"]))
    assert tuple(seen(page).sections) == SECTIONS
    assert "the sources of this market send orders only" in page
    assert "credit_job has not run" in page
    assert "A gate holds this market back" in page
    assert "nan" not in re.sub(r"<(style|script)>.*?</\1>", "", page, flags=re.DOTALL).lower().replace("finance", "")


def test_a_table_that_is_not_published_leaves_its_frames_empty():
    with published({}) as con:
        con.execute("drop table media_effect")
        frames = read_frames(con, "GB")
    assert frames["effects"].empty
    assert set(frames) == set(QUERIES)
