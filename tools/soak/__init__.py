"""./dev soak: what takes too long for every test run, by hand. Its reports are in docs/soak.md."""
