"""Well-known models in plain torch, layer for layer as their authors publish them: their sizes are known to the last digit.

They exist to be counted. Weights are torch's own random ones.
"""
