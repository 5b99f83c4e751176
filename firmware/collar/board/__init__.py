"""Drivers of the collar's chips, at register level; the same code talks to a board and to a simulated chip."""
