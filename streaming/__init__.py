"""Live video: who may watch, which collar is asked for pictures, the fast view, the ledger of viewers."""
