"""`python -m egate`."""

try:
    from egate.app.cli import main
except KeyboardInterrupt:
    raise SystemExit(130) from None

raise SystemExit(main())
