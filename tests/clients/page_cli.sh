#!/usr/bin/env bash
# The calls of AWS's page on InvokeModel by the AWS CLI 1: `page_cli.sh PYTHON FOLDER`, where PYTHON
# has awscli installed and FOLDER takes the responses. Endpoint, region and credentials come from the environment, as
# for page_invoke.py. The CLI has no command for streams. Prints "ok", or fails.
set -euo pipefail
python=$1 folder=$2

aws() { "$python" -m awscli "$@"; }

ask() {
  local name=$1 body=$2
  aws bedrock-runtime invoke-model --model-id anthropic.claude-v2 --body "$body" \
    "$folder/$name.json" >"$folder/$name.meta.json"
  grep -q '"completion":" \[emulated ' "$folder/$name.json" || { cat "$folder/$name.json"; exit 1; }
  grep -q '"contentType": "application/json"' "$folder/$name.meta.json"
}

ask dogs '{"prompt": "\n\nHuman: story of two dogs\n\nAssistant:", "max_tokens_to_sample": 300}'
ask holes '{"prompt": "\n\nHuman: explain black holes to 8th graders\n\nAssistant:", "max_tokens_to_sample": 300, "temperature": 0.1, "top_p": 0.9}'
ask mars '{"prompt": "\n\nHuman: write an essay for living on mars in 1000 words\n\nAssistant:", "max_tokens_to_sample": 4000}'

if said=$(aws bedrock-runtime invoke-model --model-id anthropic.claude-v2 --body '{"prompt": "Hi"}' \
  "$folder/rejected.json" 2>&1); then
  echo "a body without max_tokens_to_sample was accepted"
  exit 1
fi
grep -q 'ValidationException.*required key \[max_tokens_to_sample\] not found' <<<"$said" || { echo "$said"; exit 1; }
echo ok
