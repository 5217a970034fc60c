"""The run tags of a range of markets, for `dagster job execute --tags`.

    python -m orchestration.running.tags            every market that waits for a run
    python -m orchestration.running.tags --all      every market
    python -m orchestration.running.tags GB FR      from GB to FR, in the order of markets.yaml

Belongs here: the command line. Does not: what a range is (see partitions.py).
"""

import json
import sys
import warnings
from collections.abc import Sequence


def main(arguments: Sequence[str]) -> int:
    """Print the tags as JSON; returns the exit code."""
    from orchestration.partitions import all_markets_tags, covering_tags, range_tags
    from orchestration.platform import Platform

    if len(arguments) > 2:
        print("give no market, one, or the first and the last of a range", file=sys.stderr)
        return 2
    try:
        if arguments == ["--all"]:
            tags = all_markets_tags()
        elif arguments:
            tags = range_tags(arguments[0], arguments[-1])
        else:
            tags = covering_tags(Platform().waiting_markets())
    except ValueError as error:
        print(error, file=sys.stderr)
        return 2
    print(json.dumps(tags))
    return 0


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    sys.exit(main(sys.argv[1:]))
