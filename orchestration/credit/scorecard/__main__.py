"""A scorecard of a file, from the command line."""

import sys

from orchestration.credit.scorecard.command import main

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
