"""The trace of a number, from the command line."""

import sys

from orchestration.trace.command import main

if __name__ == "__main__":
    sys.exit(main())
