"""Measured figures against floors and goals.

`python -m bench` (or `make bench`) runs every group, `python -m bench kernel` one of them. A group
is a module here with `benchmarks() -> list[Benchmark]`; `harness` runs and judges them.
"""
