"""The whole chain of an order, from any number in hand: order, payment, waybill, declaration, settlement, receipt, key.

    python -m orchestration.trace NUMBER
    python -m orchestration.trace NUMBER --order ORDER     of several orders behind the number, this one
    python -m orchestration.trace NUMBER --expect HASH     whether the chain still has the hash that was noted
    python -m orchestration.trace NUMBER --json            the form of docs/trace.md

Belongs here: the command line. Does not: anything else.
"""

import argparse
import json
import shutil
import sys
from collections.abc import Sequence

from orchestration.trace.answer import trace
from orchestration.trace.installation import Home
from orchestration.trace.report import report
from orchestration.trace.shelf import Shelf, TraceError
from orchestration.trace.tree import tree


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the answer; 0 when an order was found (and the hash holds), 1 when not, 2 when nothing can be read."""
    parser = argparse.ArgumentParser(
        prog="python -m orchestration.trace",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("number", help="number or key of an order, a line's key, or number of any document of an order")
    parser.add_argument("--order", default="", help="number or key of the one order to show")
    parser.add_argument("--expect", default="", metavar="HASH", help="the chain hash that an earlier trace showed")
    parser.add_argument("--json", action="store_true", help="as JSON (docs/trace.md)")
    parser.add_argument("--publication", type=int, help="read as of this publication instead of the newest")
    parser.add_argument("--namespace", default="published", help="read a rebuild as known at a moment")
    parser.add_argument("--width", type=int, default=0, help="characters of a line (default: those of the screen)")
    options = parser.parse_args(arguments)
    shelf = Shelf(Home.from_environment(), options.namespace, options.publication)
    try:
        answer = trace(shelf, options.number, order=options.order, expect=options.expect)
    except TraceError as error:
        print(error, file=sys.stderr)
        return 2
    if options.json:
        print(json.dumps(report(answer), ensure_ascii=False, indent=2))
    else:
        print(tree(answer, width=options.width or shutil.get_terminal_size((100, 24)).columns))
    holds = answer.expectation is None or answer.expectation.holds
    return 0 if answer.is_found and holds else 1
