#!/usr/bin/env bash
# demo.sh URIAL: what `make demo` shows. A base model answers with and without the prompt, and then what alignment changes
# in the answers of its aligned sibling, as one HTML file beside the binary.
set -euo pipefail
cd "$(dirname "$0")/.."
urial=$1
run=$(dirname "$urial")/demo-shift
report=$run.html

"$urial" pull gemma-3-270m >/dev/null
"$urial" demo

cat <<TEXT

And what does alignment change? The same model with a chat adapter answers six questions; the base model alone says of
every token how likely it finds it (a minute or less):

TEXT
pair=(--base gemma-3-270m --aligned gemma-3-270m --aligned-lora models/gemma3-270m-chat-lora.gguf)
"$urial" shift "${pair[@]}" -i docs/examples/questions.jsonl -o "$run" --max-tokens 96 --overwrite >/dev/null
# The classes and the shares along the answer; the rest is in the folder and the report.
sed -n '/^| class/,/^$/p; /^## Along/,/^## What/p' "$run/summary.md" | sed '/^## What/d'
"$urial" report "$run" --html "$report" >/dev/null
echo "Open $report in a browser to see every token; $run/summary.md has the whole summary."
