"""`python -m ui.guard`."""

import sys

from ui.guard.app import main

sys.exit(main())
