"""What ./dev runs: installs what is missing, starts real services, keeps them alive. Standard library only."""
