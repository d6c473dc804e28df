"""The stepped engine: event-driven simulation of any network."""
