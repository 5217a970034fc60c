"""Staging in tests: what waits in a room's raw tables is judged and published, without the orchestrator.

Belongs here: a run of some models only. Does not: replacements of our own code.
"""

from collections.abc import Collection

from orchestration.lake import PublishRequest
from orchestration.markets import load_markets
from orchestration.modeling.build import build_models
from orchestration.modeling.manifest import published_models
from orchestration.runs import MonthSelection, RunDatabase, make_plan
from orchestration.runs.publishing import publish_models
from tests.arrivals_helpers import Room


def publish_staging(room: Room, run_id: str, names: Collection[str]) -> None:
    """Build these published models for all places that were touched, publish them, and clear the touches."""
    markets = load_markets(room.settings.markets_file)
    plan, index = make_plan(room.lake, run_id=run_id, markets=markets.codes, months=MonthSelection.parse(""))
    run = RunDatabase(room.settings, run_id)
    with index:
        run.prepare(room.lake, plan, markets, published_models(), names, index)
    if plan.is_empty:
        return
    results = build_models(run.path, [f"+{name}" for name in names], with_tests=False)
    assert [result.message for result in results if result.has_failed] == []
    publish_models(room.lake, run, plan, [published_models()[name] for name in names])
    # Only a part of the platform's tables is built, so that the publication leaves the touches to others.
    cleared = PublishRequest(run_id=run_id, raw_seq=plan.raw_seq, staged=[], touch_ids=plan.touch_ids)
    room.lake.publish(cleared)
