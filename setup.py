"""Compiles logscan/native, with the C compiler of the package `ziglang`, which pip fetches for that: nobody needs one.

All else is in pyproject.toml.
"""

import os
import platform
import subprocess
import sys
from pathlib import Path

from setuptools import Extension, setup
from setuptools.command.bdist_wheel import bdist_wheel
from setuptools.command.build_ext import build_ext

# Bytes are moved within a vector, and bits counted, by any processor since 2009; polars' own wheels ask for more.
PROCESSOR = "x86_64_v2" if platform.machine() == "x86_64" else "baseline"


class Library(build_ext):
    """A library of plain C, which ctypes loads: there is no Python in it."""

    def get_ext_filename(self, ext_name: str) -> str:
        return f"{ext_name.replace('.', '/')}.so"

    def build_extension(self, ext: Extension) -> None:
        library = Path(self.get_ext_fullpath(ext.name))
        library.parent.mkdir(parents=True, exist_ok=True)
        compiler = [sys.executable, "-m", "ziglang", "cc", "-std=gnu11", "-O2", f"-mcpu={PROCESSOR}", "-shared"]
        cache = Path(self.build_temp, "zig").absolute()
        subprocess.run(
            [*compiler, "-o", str(library), *ext.sources],
            env={**os.environ, "ZIG_GLOBAL_CACHE_DIR": str(cache), "ZIG_LOCAL_CACHE_DIR": str(cache)},
            check=True,
        )


class Wheel(bdist_wheel):
    """For any Python of this kind of machine: the library is for one alone, also where Python is for two."""

    def get_tag(self) -> tuple[str, str, str]:
        return ("py3", "none", super().get_tag()[2].replace("universal2", platform.machine()))


setup(
    ext_modules=[
        Extension(
            "logscan.native.liblogscan",
            sources=[
                f"logscan/native/{name}.c" for name in ("again", "arrow", "cut", "groups", "heads", "lines", "shapes")
            ],
            depends=["logscan/native/arrow.h", "logscan/native/digits.h"],
        )
    ],
    cmdclass={"build_ext": Library, "bdist_wheel": Wheel},
)
