#!/usr/bin/env bash
# pack_for_gpu.sh OUT [BUILD]: what a machine with a GPU and no network needs beside this project, in parts of a few MB.
#   OUT/sources.tar.xz    of the pinned llama.cpp what a build for CUDA needs. Unpack it into a folder, and name that with
#                         URIAL_SOURCE_CACHE for scripts/gpu_check.sh
#   OUT/binaries.tar.xz   where BUILD, a folder of a build with GGML_CUDA=ON, is named: its programs, and in lib/ the
#                         libraries that they need beside those of C, C++, CUDA and the driver. Unpacked, it is the folder
#                         BINARIES of scripts/gpu_check.sh, which then builds nothing
# Make BUILD with -DURIAL_CPU=portable unless both machines have the same CPU.
set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)
[ $# -ge 1 ] || { sed -n '2,10s/^# \{0,1\}//p' "$0"; exit 2; }
mkdir -p "$1" && out=$(cd "$1" && pwd)

version=$(sed -n 's/^set(URIAL_LLAMA_PACKAGE_VERSION "\{0,1\}\([0-9.]*\)"\{0,1\})$/\1/p' "$root/cmake/Dependencies.cmake")
cache=${URIAL_SOURCE_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/urial/sources}
engine=llama-$version/llama_cpp_python-$version/vendor/llama.cpp
[ -e "$cache/llama-$version/complete" ] || { echo "$cache has no llama.cpp $version; make build fetches it" >&2; exit 1; }
cd "$cache"
parts=("llama-$version/complete")
for part in CMakeLists.txt LICENSE cmake include src common vendor ggml/CMakeLists.txt ggml/cmake ggml/include; do
    parts+=("$engine/$part")
done
for file in "$engine"/ggml/src/*; do
    [ -f "$file" ] && parts+=("$file")
done
tar -cJf "$out/sources.tar.xz" "${parts[@]}" "$engine/ggml/src/ggml-cpu" "$engine/ggml/src/ggml-cuda"

if [ $# -ge 2 ]; then
    build=$(cd "$root" && cd "$2" && pwd)
    folder=$(mktemp -d)
    trap 'rm -rf "$folder"' EXIT
    mkdir "$folder/lib"
    for program in urial bench_random_model bench_bare_generate; do
        cp "$build/$program" "$folder/"
        strip "$folder/$program"
        ldd "$build/$program" | awk '$3 ~ /^\// { print $3 }'
    done | sort -u | grep -Ev '/(libc|libm|libdl|librt|libpthread|libresolv|libgcc_s|libstdc\+\+|libcuda|libcudart|libcublas|libcublasLt)\.so' |
        xargs -r cp -Lt "$folder/lib"
    tar -C "$folder" -cJf "$out/binaries.tar.xz" .
fi
ls -l "$out"
