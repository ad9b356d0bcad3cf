"""HTTP: everything that knows requests, status codes and JSON."""
