"""Spaces that are derived from a network of the user's own: its widths and depths vary."""

from naswot.spaces.derived.space import derived_space

__all__ = ["derived_space"]
