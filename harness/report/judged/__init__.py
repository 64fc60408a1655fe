"""Claims and published sizes beside what was measured and built."""
