"""The run tags of a range of markets, for `dagster job execute --tags`.

    python -m orchestration.running.tags            every market
    python -m orchestration.running.tags GB FR      from GB to FR, in the order of markets.yaml

Belongs here: the command line. Does not: what a range is (see partitions.py).
"""

import json
import sys
import warnings
from collections.abc import Sequence


def main(arguments: Sequence[str]) -> int:
    """Print the tags as JSON; returns the exit code."""
    from orchestration.partitions import all_markets_tags, range_tags

    if len(arguments) > 2:
        print("give no market, one, or the first and the last of a range", file=sys.stderr)
        return 2
    try:
        tags = range_tags(arguments[0], arguments[-1]) if arguments else all_markets_tags()
    except ValueError as error:
        print(error, file=sys.stderr)
        return 2
    print(json.dumps(tags))
    return 0


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    sys.exit(main(sys.argv[1:]))
