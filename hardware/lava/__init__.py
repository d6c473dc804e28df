"""Lava: process graphs of a network, in floating and fixed point."""
