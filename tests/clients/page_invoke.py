"""The InvokeModel example for Claude 2 of AWS's user guide, as somebody would run it: a default client.

The endpoint, the region and the credentials come from the environment: AWS_ENDPOINT_URL_BEDROCK_RUNTIME,
AWS_REGION, AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY. Prints the completion.
"""

import json

import boto3

client = boto3.client(service_name="bedrock-runtime")
question = {
    "prompt": "\n\nHuman: explain black holes to 8th graders\n\nAssistant:",
    "max_tokens_to_sample": 300,
    "temperature": 0.1,
    "top_p": 0.9,
}
reply = client.invoke_model(
    body=json.dumps(question),
    modelId="anthropic.claude-v2",
    accept="application/json",
    contentType="application/json",
)
print(json.loads(reply.get("body").read()).get("completion"))
