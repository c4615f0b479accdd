"""The words of the project: frozen values and enums, standard library only, no behaviour but order."""
