#!/usr/bin/env bash
# Makes a virtual environment with clients of `urial serve`: tests/integration/prepare_clients.sh FOLDER [PYTHON]. The
# OpenAI clients for Python and JavaScript (where npm is installed), lm-evaluation-harness, Inspect and schemathesis; a GB
# from the package indexes. Python 3.12: under 3.11 the parser of lambdas that schemathesis uses may fail on deep schemas.
set -euo pipefail

folder=${1:?usage: prepare_clients.sh FOLDER [PYTHON]}
python=${2:-python3}

[ -x "$folder/bin/python" ] || "$python" -m venv "$folder"
"$folder/bin/pip" install --quiet --upgrade pip
"$folder/bin/pip" install --quiet --prefer-binary openai transformers 'lm_eval[api]' inspect_ai schemathesis
if command -v npm > /dev/null; then
    npm install --silent --no-save --prefix "$folder" openai
fi
echo "The clients are in $folder; make integration CLIENTS=$folder"
