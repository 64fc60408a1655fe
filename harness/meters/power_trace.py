"""Power read again and again beside the work, and integrated over the window that it belongs to."""

from __future__ import annotations
