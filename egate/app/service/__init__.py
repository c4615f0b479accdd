"""The controller as a service of the machine: what it tells the service manager, when it is fed, and the units themselves."""
