"""The graph is what it seems: checks guard real assets, dependencies exist, a market's chain is one run."""

import warnings

import dagster as dg
import pytest

from orchestration.arrivals.contracts import contracts
from orchestration.modeling.manifest import published_models
from orchestration.platform import model_key


@pytest.fixture(scope="module")
def defs() -> dg.Definitions:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", dg.BetaWarning)
        from orchestration.definitions import build_defs

    return build_defs()


def test_every_gate_guards_something_real(defs: dg.Definitions) -> None:
    graph = defs.resolve_asset_graph()
    assert graph.asset_check_keys
    assert {check.asset_key for check in graph.asset_check_keys} <= graph.materializable_asset_keys


def test_every_dependency_is_a_real_asset(defs: dg.Definitions) -> None:
    graph = defs.resolve_asset_graph()
    parents = {parent for node in graph.asset_nodes for parent in node.parent_keys}
    assert parents <= graph.materializable_asset_keys


def test_every_published_model_is_an_asset(defs: dg.Definitions) -> None:
    graph = defs.resolve_asset_graph()
    assert {model_key(model) for model in published_models().values()} <= graph.materializable_asset_keys


def test_partitions_are_markets_or_none_and_backfills_are_single_runs(defs: dg.Definitions) -> None:
    from orchestration.partitions import MARKETS

    for node in defs.resolve_asset_graph().asset_nodes:
        assert node.partitions_def in (None, MARKETS), node.key
        if node.partitions_def is not None:
            assert node.backfill_policy == dg.BackfillPolicy.single_run(), node.key


def test_each_asset_belongs_to_exactly_one_job(defs: dg.Definitions) -> None:
    names = ("arrivals_job", "market_job", "planning_job", "credit_job", "scorecard_job")
    keys = [key for name in names for key in defs.resolve_job_def(name).asset_layer.executable_asset_keys]
    assert len(keys) == len(set(keys))
    assert set(keys) == defs.resolve_asset_graph().materializable_asset_keys


def test_a_backfill_of_markets_is_not_split(defs: dg.Definitions) -> None:
    """Dagster runs what has no partitions apart from what has: the markets' job must hold partitioned assets only."""
    graph = defs.resolve_asset_graph()
    keys = defs.resolve_job_def("market_job").asset_layer.executable_asset_keys
    assert [key for key in keys if graph.get(key).partitions_def is None] == []


def test_no_market_is_published_by_the_arrivals_job(defs: dg.Definitions) -> None:
    graph = defs.resolve_asset_graph()
    arrivals = defs.resolve_job_def("arrivals_job").asset_layer.executable_asset_keys
    assert all(graph.get(key).partitions_def is None for key in arrivals)


def test_marts_wait_for_the_gate_on_staging(defs: dg.Definitions) -> None:
    gated = {
        key.asset_key.to_user_string()
        for key in defs.resolve_asset_graph().asset_check_keys
        if key.name == "promises" and key.asset_key.path[0] == "staging"
    }
    assert gated == {f"staging/stg_{feed}" for feed in contracts()}


def test_publication_waits_for_every_table_of_the_run(defs: dg.Definitions) -> None:
    graph = defs.resolve_asset_graph()
    parents = graph.get(dg.AssetKey(["publication", "market_tables"])).parent_keys
    assert parents == {model_key(model) for model in published_models().values() if model.spec.partition != "none"}


def test_every_asset_has_a_description_and_an_owner(defs: dg.Definitions) -> None:
    for node in defs.resolve_asset_graph().asset_nodes:
        assert node.description, node.key
        assert node.owners, node.key
        assert node.group_name not in (None, "default"), node.key


def test_a_range_in_the_wrong_order_is_refused() -> None:
    from orchestration.partitions import range_tags

    with pytest.raises(ValueError, match=r"range FR\.\.GB: GB stands before FR"):
        range_tags("FR", "GB")
    with pytest.raises(ValueError, match="'XX' is no market"):
        range_tags("XX", "GB")


def test_the_night_covers_every_market(defs: dg.Definitions) -> None:
    from orchestration.partitions import MARKETS, RANGE_END, RANGE_START, all_markets_tags

    keys = MARKETS.get_partition_keys()
    assert (all_markets_tags()[RANGE_START], all_markets_tags()[RANGE_END]) == (keys[0], keys[-1])
    assert keys[0] == "ZZ"


def test_the_night_runs_from_the_first_to_the_last_market_that_waits() -> None:
    from orchestration.partitions import RANGE_END, RANGE_START, all_markets_tags, covering_tags

    tags = covering_tags({"FR", "GB", "IE"})
    assert (tags[RANGE_START], tags[RANGE_END]) == ("GB", "IE")
    assert covering_tags(()) == all_markets_tags()
