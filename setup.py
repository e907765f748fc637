"""What setup.cfg cannot say: the two pieces in C; without a compiler their Python does the work, slower."""

from pathlib import Path

from setuptools import Extension, setup

SOURCES = sorted(Path("pipeline").glob("*/*.c"))

setup(
    ext_modules=[
        Extension(
            ".".join((*source.parent.parts, f"_{source.stem}")), [source.as_posix()], optional=True
        )
        for source in SOURCES
    ]
)
