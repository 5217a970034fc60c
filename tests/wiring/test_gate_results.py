"""A verdict as check results: a market that fails gets an event of its own, what has no market gets none."""

from types import SimpleNamespace

import dagster as dg
import pytest

from orchestration.gates.checks import CHECK_NAME, results
from orchestration.gates.measures import WITHOUT_MARKET
from orchestration.gates.verdict import BrokenPromise, Verdict

KEY = dg.AssetKey(["credit", "seller_limit"])


@pytest.mark.parametrize(("market", "partitions"), [("DE", ["DE"]), (WITHOUT_MARKET, [])])
def test_only_a_market_is_a_partition_of_its_event(market: str, partitions: list[str]) -> None:
    events: list[dg.AssetObservation] = []
    context = SimpleNamespace(
        selected_asset_check_keys={dg.AssetCheckKey(KEY, CHECK_NAME)},
        instance=SimpleNamespace(report_runless_asset_event=events.append),
        run=SimpleNamespace(run_id="a run"),
    )
    broken = BrokenPromise(
        "LimitAddsUp", "A limit is its terms.", "critical", "s", "credit.seller_limit", market, 1, ()
    )
    verdict = Verdict("some_gate", frozenset({market}), {market: 3}, (broken,))

    (found,) = results(context, verdict, [KEY])

    assert (found.passed, found.severity) == (False, dg.AssetCheckSeverity.ERROR)
    assert [event.partition for event in events] == partitions
