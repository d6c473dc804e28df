"""Verification: one network on two backends, compared spike by spike; the registry of backends."""
