"""The naive engine: readable loops that follow the equations; the reference in the tests."""
