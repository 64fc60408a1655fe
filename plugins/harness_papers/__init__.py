"""The built-in papers, one folder each, loaded exactly as a stranger's package is."""
