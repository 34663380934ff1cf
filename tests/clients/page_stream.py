"""The InvokeModelWithResponseStream example for Claude 2 of AWS's user guide: no content type is named.

The endpoint, the region and the credentials come from the environment, as for page_invoke.py. Prints
each chunk as JSON on a line of its own.
"""

import json

import boto3

client = boto3.client(service_name="bedrock-runtime")
question = {
    "prompt": "\n\nHuman: write an essay for living on mars in 1000 words\n\nAssistant:",
    "max_tokens_to_sample": 4000,
}
reply = client.invoke_model_with_response_stream(modelId="anthropic.claude-v2", body=json.dumps(question))
for event in reply.get("body"):
    chunk = event.get("chunk")
    if chunk:
        print(json.dumps(json.loads(chunk.get("bytes").decode())))
