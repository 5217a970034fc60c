"""The scorecard of the cleaning as an asset: what is published, held against the truth of the simulated world.

Belongs here: reading, publishing, the metadata. Does not: any judging. An installation without a world has no truth,
and then nothing is done.
"""

from typing import TYPE_CHECKING

import dagster as dg

from orchestration.lake import PUBLISHED, WHOLE_TABLE, Lake, PublishRequest
from orchestration.modeling.translator import OWNERS
from orchestration.platform import Platform, column_metadata
from orchestration.runs.assets import MARKET_TABLES_KEY, REFERENCE_TABLES_KEY
from orchestration.runs.publishing import git_commit, lock_hash
from orchestration.simulation.tables import CLEANING_SCORECARD, LAYER, SCORECARD_MODELS, WORDS

if TYPE_CHECKING:
    from orchestration.simulation.scorecard import CleaningScore

SCORECARD_KEY = dg.AssetKey([LAYER, CLEANING_SCORECARD.name])


@dg.asset(
    key=SCORECARD_KEY,
    group_name="quality",
    owners=list(OWNERS),
    kinds={"python", "duckdb", "iceberg"},
    # No partitions: a score of a part of the world would say little. Its job is its own for that reason.
    deps=[dg.AssetDep(MARKET_TABLES_KEY, partition_mapping=dg.AllPartitionMapping()), REFERENCE_TABLES_KEY],
    metadata=column_metadata(CLEANING_SCORECARD, WORDS),
)
def cleaning_scorecard(
    context: dg.AssetExecutionContext, platform: dg.ResourceParam[Platform]
) -> dg.MaterializeResult[None]:
    """Per defect that the simulation put in: how many were caught and treated right, and how many clean records were
    taken for one; also by feed, and every miss with its reason."""
    # DuckDB and pyarrow are of no use to a code location that only shows the graph.
    from orchestration.simulation.scorecard import score_cleaning

    held_back = sorted({entry.market for entry in platform.lake.held_back(PUBLISHED)})
    score = score_cleaning(platform.lake, platform.settings.world_truth, held_back=held_back)
    if score is None:
        return dg.MaterializeResult(metadata={"truth": "none: this installation holds no simulated world"})
    publication = publish_scorecard(platform.lake, score, run_id=context.run.run_id)
    return dg.MaterializeResult(metadata={"publication": publication, **_metadata(score, held_back)})


def publish_scorecard(lake: Lake, score: "CleaningScore", *, run_id: str) -> int:
    """The number of the publication that holds the tables of the scorecard."""
    import duckdb

    with duckdb.connect() as con:
        staged = []
        for model in SCORECARD_MODELS:
            con.register("incoming", score.tables[model.name])
            staged.append((lake.stage(con, "incoming", model.spec, run_id), {WHOLE_TABLE}))
            con.unregister("incoming")
        result = lake.publish(
            PublishRequest(
                run_id=run_id, raw_seq=lake.raw_seq(), staged=staged, git_commit=git_commit(), lock_hash=lock_hash()
            )
        )
    return result.publication_id or 0


def _metadata(score: "CleaningScore", held_back: list[str]) -> dict[str, dg.MetadataValue]:
    from orchestration.forecasting.plots import as_markdown_image
    from orchestration.simulation.scorecard import misses_in_words
    from orchestration.simulation.scorecard_plot import scorecard_plot

    table = score.tables[CLEANING_SCORECARD.name]
    found: dict[str, dg.MetadataValue] = {
        "dagster/row_count": dg.MetadataValue.int(len(table)),
        "markets_left_out": dg.MetadataValue.text(", ".join(held_back) or "none"),
        "misses": dg.MetadataValue.md(misses_in_words(score)),
        **{name: dg.MetadataValue.float(round(value, 6)) for name, value in score.metrics.items()},
    }
    for row in table.to_pylist():
        if row["visibility"] == "statistical" and row["injected"]:
            found[f"recall_{row['defect_id']}"] = dg.MetadataValue.float(round(row["recall"] or 0.0, 4))
    picture = scorecard_plot(table)
    if picture is not None:
        found["scorecard"] = dg.MetadataValue.md(as_markdown_image(picture, words="scorecard of the cleaning"))
    return found
