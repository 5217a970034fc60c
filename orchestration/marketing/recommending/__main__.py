"""`python -m orchestration.marketing.recommending`: see command.py."""

import sys

from orchestration.marketing.recommending.command import main

sys.exit(main(sys.argv[1:]))
