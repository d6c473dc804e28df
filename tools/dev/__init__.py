"""Commands for developers of spikesim: fuzzers, hostile files, kill tests, tables. Not part of the wheel."""
