"""How the service runs: workers and their sockets, HTTP within bounds, an end that loses nothing."""
