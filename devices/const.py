"""Limits of collars."""

TRIAL_S = 30  # above what a broker that is slow takes to load its file, several changes in a row included
SILENT_AFTER_S = 180  # nothing heard for SILENT_INTERVALS, and for so long at least, is offline
SILENT_INTERVALS = 3
BATTERY_LOW = 20  # percent; below it somebody has to charge
