"""The lane as a pure state machine and its interlock."""
