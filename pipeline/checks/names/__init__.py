"""Checks of names: what in a text is a name, its rendering, and the gender of a person."""
