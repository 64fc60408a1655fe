"""Judge what the authors say: published sizes and claims, from the store alone, from intervals only."""

from harness.claims.judgement import Judgement, SizeCheck, SizeVerdict

__all__ = ["Judgement", "SizeCheck", "SizeVerdict"]
