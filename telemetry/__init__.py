"""What collars feel: samples, rollups, and what was refused."""
