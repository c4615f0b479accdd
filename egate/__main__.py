"""`python -m egate`."""

from egate.app.cli import main

raise SystemExit(main())
