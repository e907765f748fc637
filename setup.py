"""What setup.cfg cannot say: the scanner of tick lines, in C; without a compiler tapes are read slower."""

from setuptools import Extension, setup

setup(
    ext_modules=[
        Extension("pipeline.sources._tick_scan", ["pipeline/sources/tick_scan.c"], optional=True)
    ]
)
