"""What setup.cfg cannot say: the two pieces in C, and that the rules are part of the package.

Without a compiler the Python beside the C does the work, slower. `governance/` is edited in one place, at the
top of a checkout; a wheel has it as `pipeline/governance/`.
"""

from pathlib import Path

from setuptools import Extension, find_packages, setup

SOURCES = sorted(Path("pipeline").glob("**/*.c"))

setup(
    packages=[*find_packages(include=["pipeline", "pipeline.*"]), "pipeline.governance"],
    package_dir={"pipeline.governance": "governance"},
    ext_modules=[
        Extension(
            ".".join((*source.parent.parts, f"_{source.stem}")), [source.as_posix()], optional=True
        )
        for source in SOURCES
    ],
)
