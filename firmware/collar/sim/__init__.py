"""What stands in for a board under the unix port; only hardware is simulated."""
