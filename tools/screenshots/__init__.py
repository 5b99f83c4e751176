"""Pictures of every page and state, to be looked at: ./dev shots -> var/shots."""
