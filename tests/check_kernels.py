#!/usr/bin/env python3
"""Sources that are compiled for one CPU keep their code to themselves.

    tests/check_kernels.py NM OBJECT...

The linker keeps one copy of code that several sources made from the same template or inline function. If that is the
copy of a source compiled for AVX-512, other sources' code ends on a CPU without it at the first such instruction. So no
object file named *_avx*.cpp.o may have such (weak or unique) symbols that are code.
"""

import pathlib
import subprocess
import sys


def main():
    nm, *objects = sys.argv[1:]
    kernels = [path for path in objects if "_avx" in pathlib.Path(path).name]
    if not kernels:
        sys.exit("no object file of a kernel was named")
    found = []
    for path in kernels:
        for line in subprocess.run([nm, "-C", path], check=True, capture_output=True, text=True).stdout.splitlines():
            kind, name = line[17:].split(" ", 1)
            if kind in "WVu":
                found.append(f"{pathlib.Path(path).name}: {name}")
    if found:
        sys.exit("code that other sources may share:\n" + "\n".join(found))


if __name__ == "__main__":
    main()
