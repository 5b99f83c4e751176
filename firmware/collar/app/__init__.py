"""The collar's program: everything above the hardware, the same source on a board and under the unix port."""
