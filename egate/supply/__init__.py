"""What a lane is supplied with from outside: trust material, with who brought it, when, and why."""
