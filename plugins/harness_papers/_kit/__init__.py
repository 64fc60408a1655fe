"""Data sets, layers and training loops that several papers share. Nothing moves here before two papers use it."""
