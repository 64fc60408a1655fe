"""Comparison tables: rows of variants, columns of quantities, the best of each column, and ratios to a baseline."""
