"""Comparing the score with an oracle, on the networks of torchvision and timm."""
