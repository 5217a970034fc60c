"""The platform of one installation as its assets see it: settings, markets, lake, judges.

Belongs here: the one object that is handed to every asset, and how an asset finds its run.
Does not: what is done with it.
"""

from collections.abc import Collection, Mapping
from datetime import datetime
from functools import cached_property

import dagster as dg

from orchestration.gates.gate import Judges
from orchestration.lake import Lake
from orchestration.markets import Markets, load_markets
from orchestration.modeling.manifest import PublishedModel, published_models
from orchestration.runs import MonthSelection, RunDatabase, RunPlan, make_plan
from orchestration.runs.plan import make_reference_plan
from orchestration.settings import Settings

MONTHS_TAG = "tradewind/months"
KNOWN_AT_TAG = "tradewind/known_at"


class Platform:
    """Settings, markets and lake of one installation; made once per process, connected on first use."""

    def __init__(self, settings: Settings | None = None) -> None:
        self.settings = settings or Settings()
        self.judges = Judges()

    @cached_property
    def lake(self) -> Lake:
        """The lake."""
        return Lake(self.settings)

    @cached_property
    def markets(self) -> Markets:
        """The markets of markets.yaml."""
        return load_markets(self.settings.markets_file)

    def waiting_markets(self) -> frozenset[str]:
        """The markets that were touched since their last publication."""
        return frozenset(touch.market for touch in self.lake.pending_touches(self.markets.codes))

    def run_of(self, context: dg.AssetExecutionContext | dg.AssetCheckExecutionContext) -> RunDatabase:
        """The private database of this run: that of its root run, so that a retry goes on where the first try ended."""
        return RunDatabase(self.settings, context.run.root_run_id or context.run.run_id)

    def prepared(
        self,
        context: dg.AssetExecutionContext,
        *,
        months: str | None = None,
        known_at: datetime | None = None,
    ) -> tuple[RunDatabase, RunPlan]:
        """The run's database and its plan, made now when this is the run's first step.

        months, known_at: as in the run's configuration; where the step that has it was not selected, the run's tags
        `tradewind/months` and `tradewind/known_at` say the same.
        """
        run = self.run_of(context)
        if not run.exists:
            tags = context.run.tags
            moment = known_at
            if moment is None and KNOWN_AT_TAG in tags:
                moment = datetime.fromisoformat(tags[KNOWN_AT_TAG])
            plan, index = make_plan(
                self.lake,
                run_id=run.path.stem,
                markets=context.partition_keys,
                months=MonthSelection.parse(months if months is not None else tags.get(MONTHS_TAG, "")),
                known_at=moment,
            )
            with index:
                run.prepare(self.lake, plan, self.markets, published_models(), self.built_models(context), index)
        return run, run.plan()

    def prepared_reference(self, context: dg.AssetExecutionContext) -> tuple[RunDatabase, RunPlan]:
        """The same for what has no market."""
        run = self.run_of(context)
        if not run.exists:
            plan = make_reference_plan(self.lake, run_id=run.path.stem)
            run.prepare(self.lake, plan, self.markets, published_models(), self.built_models(context), None)
        return run, run.plan()

    def built_models(self, context: dg.AssetExecutionContext) -> frozenset[str]:
        """The published models that this run builds: those whose assets are selected and belong to its job."""
        selected = selected_keys(context)
        return frozenset(model.name for model in published_models().values() if model_key(model) in selected)


def selected_keys(context: dg.AssetExecutionContext) -> Collection[dg.AssetKey]:
    """Every asset that this run is to materialize."""
    # A run of the whole job has no selection, or an empty one when it runs in the process that started it.
    if context.run.asset_selection:
        return context.run.asset_selection
    return frozenset(context.job_def.asset_layer.executable_asset_keys)


def model_key(model: PublishedModel) -> dg.AssetKey:
    """The asset of a published model: its layer and its name."""
    return dg.AssetKey([model.layer, model.name])


def column_metadata(model: PublishedModel, words: Mapping[str, str]) -> dict[str, dg.TableSchema]:
    """The columns of a published model with their types and what they mean, as the metadata of its asset."""
    columns = [dg.TableColumn(one.name, one.type, description=words[one.name]) for one in model.spec.columns]
    return {"dagster/column_schema": dg.TableSchema(columns)}
