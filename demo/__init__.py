"""What `make demo` runs: a real Kinto server, and Holdfast's command line against it."""
