"""Measurements of Holdfast in CPU seconds, bytes and memory; docs/performance.md explains each figure."""
