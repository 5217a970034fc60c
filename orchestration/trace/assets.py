"""The trace in Dagster: a step that shows one, and the lists of files that a publication leaves for the command.

Belongs here: the step and its metadata. Does not: the trace (see answer.py).
"""

import dagster as dg
from pydantic import Field

from orchestration.lake import Lake
from orchestration.platform import Platform
from orchestration.settings import Settings
from orchestration.trace.answer import trace
from orchestration.trace.feeds import FEEDS
from orchestration.trace.installation import Home
from orchestration.trace.listing import keep_lists
from orchestration.trace.shelf import Shelf, TraceError
from orchestration.trace.tree import tree
from orchestration.trace.uses import NO_USE, USES

TREE_WIDTH = 140


class TraceConfig(dg.Config):
    """What is to be traced."""

    number: str = Field(description="Number or key of an order, of a line, or of any document of an order.")
    order: str = Field(default="", description="Of several orders behind the number, the one to show.")
    expect: str = Field(default="", description="The chain hash that an earlier trace showed.")
    namespace: str = Field(default="published", description="A rebuild as known at a moment, instead of today's.")


@dg.op(tags={"tradewind/layer": "trace"})
def show_trace(context: dg.OpExecutionContext, config: TraceConfig, platform: dg.ResourceParam[Platform]) -> None:
    """The chain behind a number as a tree, in the metadata of this step; nothing is written."""
    shelf = Shelf(Home.from_settings(platform.settings), config.namespace)
    try:
        answer = trace(shelf, config.number, order=config.order, expect=config.expect)
    except TraceError as error:
        raise dg.Failure(str(error), allow_retries=False) from error
    context.add_output_metadata(
        {
            "trace": dg.MetadataValue.md(f"```text\n{tree(answer, width=TREE_WIDTH)}\n```"),
            "orders": len({hit.order_key for hit in answer.hits}),
            "documents": len(answer.chain.documents) if answer.chain else 0,
            "chain_hash": answer.chain.chain_hash if answer.chain else "",
            "publication": answer.publication_id or 0,
        }
    )


def traced_tables() -> frozenset[str]:
    """Every published table that a trace reads."""
    parts = {part.table for feed in FEEDS.values() for part in feed.parts}
    return frozenset({feed.table for feed in FEEDS.values()} | parts | {use.table for use in USES} | set(NO_USE))


def keep_trace_lists(settings: Settings, lake: Lake, namespace: str) -> int:
    """Write which files the newest publication consists of, for the traces that follow; how many lists are new."""
    return keep_lists(Home.from_settings(settings), lake, namespace, traced_tables())
