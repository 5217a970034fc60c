"""Forecasts of a file, from the command line."""

import sys

from orchestration.forecasting.command import main

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
