"""Calls the emulator as boto3 does: `python boto3_invoke.py http://127.0.0.1:PORT`.

The emulator runs the scenario tests/clients/clients.toml. Prints "ok", or fails.
"""

import hashlib
import json
import math
import re
import sys

import boto3
from botocore.config import Config
from botocore.exceptions import EventStreamError

CLIENT = boto3.client(
    "bedrock-runtime",
    endpoint_url=sys.argv[1],
    region_name="us-east-1",
    aws_access_key_id="AKIDEXAMPLE",
    aws_secret_access_key="made-up",
    config=Config(retries={"total_max_attempts": 1}),
)

PROMPT = "Größe eines Mondes?"
CHAT = [{"role": "user", "content": PROMPT}]
BLOCKS = [{"role": "user", "content": [{"text": PROMPT}]}]
LLAMA3 = (
    "<|begin_of_text|><|start_header_id|>user<|end_header_id|>\n\n"
    f"{PROMPT}<|eot_id|><|start_header_id|>assistant<|end_header_id|>\n\n"
)
R1 = f"<｜begin▁of▁sentence｜><｜User｜>{PROMPT}<｜Assistant｜><think>\n"
ARN = "arn:aws:bedrock:us-east-1:123456789012:application-inference-profile/abcdefabcdef"
CLAUDE = {"anthropic_version": "bedrock-2023-05-31", "max_tokens": 50, "messages": CHAT}

CLAUDE_TEXT = {"prompt": f"\n\nHuman: {PROMPT}\n\nAssistant:", "max_tokens_to_sample": 50}
IMPORTED = "arn:aws:bedrock:us-east-1:123456789012:imported-model/abcdefabcdef"


def after_thought(text):
    """An answer without the reasoning that gpt-oss puts before it."""
    return text.split("</reasoning>")[-1]


# Model, body, and where its answer is.
TEXT_MODELS = [
    ("us.anthropic.claude-haiku-4-5-20251001-v1:0", CLAUDE, lambda r: r["content"][0]["text"]),
    (ARN, CLAUDE, lambda r: r["content"][0]["text"]),
    ("us.amazon.nova-lite-v1:0", {"messages": BLOCKS}, lambda r: r["output"]["message"]["content"][0]["text"]),
    ("openai.gpt-oss-20b-1:0", {"messages": CHAT}, lambda r: after_thought(r["choices"][0]["message"]["content"])),
    ("mistral.mistral-large-2402-v1:0", {"messages": CHAT}, lambda r: r["choices"][0]["message"]["content"]),
    ("mistral.mistral-7b-instruct-v0:2", {"prompt": f"<s>[INST] {PROMPT} [/INST]"}, lambda r: r["outputs"][0]["text"]),
    ("us.meta.llama3-3-70b-instruct-v1:0", {"prompt": LLAMA3}, lambda r: r["generation"]),
    ("us.deepseek.r1-v1:0", {"prompt": R1}, lambda r: r["choices"][0]["text"].split("</think>\n\n")[1]),
    ("amazon.titan-text-express-v1", {"inputText": f"User: {PROMPT}\nBot:"}, lambda r: r["results"][0]["outputText"]),
    ("anthropic.claude-v2:1", CLAUDE_TEXT, lambda r: r["completion"]),
    ("ai21.jamba-1-5-mini-v1:0", {"messages": CHAT}, lambda r: r["choices"][0]["message"]["content"]),
    ("ai21.j2-mid-v1", {"prompt": PROMPT}, lambda r: r["completions"][0]["data"]["text"]),
    ("cohere.command-text-v14", {"prompt": PROMPT}, lambda r: r["generations"][0]["text"]),
    ("cohere.command-r-v1:0", {"message": PROMPT}, lambda r: r["text"]),
    ("us.writer.palmyra-x5-v1:0", {"messages": CHAT}, lambda r: r["choices"][0]["message"]["content"]),
    (IMPORTED, {"prompt": PROMPT}, lambda r: r["choices"][0]["text"]),
]


def invoke(model, body):
    reply = CLIENT.invoke_model(modelId=model, body=json.dumps(body), contentType="application/json")
    return json.loads(reply["body"].read()), reply["ResponseMetadata"]["HTTPHeaders"]


def stream(model, body):
    """The chunks of an answer, as boto3 reads them."""
    reply = CLIENT.invoke_model_with_response_stream(
        modelId=model, body=json.dumps(body), contentType="application/json"
    )
    return [json.loads(event["chunk"]["bytes"]) for event in reply["body"]]


def refusal(exception, model, body):
    try:
        invoke(model, body)
    except exception as refused:
        return refused.response["Error"]["Message"]
    raise AssertionError(f"{model}: not refused")


digest = hashlib.sha256(PROMPT.encode()).hexdigest()[:8]
for model, body, text_of in TEXT_MODELS:
    reply, headers = invoke(model, body)
    text = text_of(reply).lstrip()
    assert text.startswith(f"[emulated {digest}] "), (model, text)
    assert 0 < int(headers["x-amzn-bedrock-output-token-count"]), (model, headers)

# Model, body, and what each chunk brings of the answer.
STREAMS = [
    (
        "us.anthropic.claude-haiku-4-5-20251001-v1:0",
        CLAUDE,
        lambda c: c["delta"].get("text", "") if c["type"] == "content_block_delta" else "",
    ),
    (
        "us.amazon.nova-lite-v1:0",
        {"messages": BLOCKS},
        lambda c: c.get("contentBlockDelta", {}).get("delta", {}).get("text", ""),
    ),
    (
        "openai.gpt-oss-20b-1:0",
        {"messages": CHAT},
        lambda c: "".join(choice["delta"].get("content", "") for choice in c["choices"]),
    ),
    ("us.meta.llama3-3-70b-instruct-v1:0", {"prompt": LLAMA3}, lambda c: c["generation"]),
    ("amazon.titan-text-express-v1", {"inputText": f"User: {PROMPT}\nBot:"}, lambda c: c["outputText"]),
    ("anthropic.claude-v2:1", CLAUDE_TEXT, lambda c: c["completion"]),
    ("cohere.command-r-v1:0", {"message": PROMPT}, lambda c: c["text"] if c["event_type"] == "text-generation" else ""),
    (
        "ai21.jamba-1-5-mini-v1:0",
        {"messages": CHAT},
        lambda c: "".join(choice["delta"].get("content") or "" for choice in c["choices"]),
    ),
]
for model, body, text_of in STREAMS:
    chunks = stream(model, body)
    text = after_thought("".join(text_of(chunk) for chunk in chunks)).lstrip()
    whole, headers = invoke(model, body)
    assert text.startswith(f"[emulated {digest}] "), (model, text)
    assert text == dict((m, t) for m, _, t in TEXT_MODELS)[model](whole).lstrip(), model
    metrics = chunks[-1]["amazon-bedrock-invocationMetrics"]
    assert metrics["outputTokenCount"] == int(headers["x-amzn-bedrock-output-token-count"]), (model, metrics)

# A call that names no content type: JSON is the default.
DOGS = {"prompt": "\n\nHuman: story of two dogs\n\nAssistant:", "max_tokens_to_sample": 300}
dogs = CLIENT.invoke_model(modelId="anthropic.claude-v2", body=json.dumps(DOGS))
assert json.loads(dogs["body"].read())["completion"].startswith(" [emulated "), dogs

# A tool that has to be called gets an input that satisfies its schema, whole and in pieces.
LABEL = {
    "name": "label",
    "input_schema": {
        "type": "object",
        "properties": {"tag": {"enum": ["good", "bad"]}, "score": {"type": "integer", "minimum": 1, "maximum": 5}},
        "required": ["tag", "score"],
    },
}
FORCED = {**CLAUDE, "tools": [LABEL], "tool_choice": {"type": "tool", "name": "label"}}
HAIKU = "us.anthropic.claude-haiku-4-5-20251001-v1:0"
reply, _ = invoke(HAIKU, FORCED)
(call,) = reply["content"]
assert reply["stop_reason"] == "tool_use" and call["name"] == "label", reply
assert call["input"]["tag"] in ("good", "bad") and 1 <= call["input"]["score"] <= 5, reply
deltas = [chunk["delta"] for chunk in stream(HAIKU, FORCED) if chunk["type"] == "content_block_delta"]
assert json.loads("".join(delta["partial_json"] for delta in deltas)) == call["input"], deltas

# Every delta of gpt-oss's reasoning has its own pair of tags.
deltas = [
    choice["delta"].get("content", "")
    for chunk in stream("openai.gpt-oss-20b-1:0", {"messages": CHAT})
    for choice in chunk["choices"]
]
reasoning = [delta for delta in deltas if "reasoning" in delta]
assert 1 < len(reasoning), deltas
assert all(re.fullmatch("<reasoning>[^<]*</reasoning>", delta) for delta in reasoning), deltas

try:
    stream("mistral.mistral-7b-instruct-v0:2", {"prompt": "<s>[INST] break here [/INST]"})
    raise AssertionError("the stream did not break")
except EventStreamError as broken:
    assert "modelStreamErrorException" in str(broken), broken

reply, _ = invoke("amazon.titan-embed-text-v2:0", {"inputText": PROMPT, "dimensions": 256})
assert len(reply["embedding"]) == 256, reply
assert math.isclose(math.hypot(*reply["embedding"]), 1, abs_tol=1e-5), reply

body = lambda *texts: {"texts": texts, "input_type": "search_document"}
many, headers = invoke("cohere.embed-english-v3", body(*[f"text {n}" for n in range(96)]))
assert len(many["embeddings"]) == 96, many
assert int(headers["x-amzn-bedrock-input-token-count"]) > 96, headers
alone, _ = invoke("cohere.embed-english-v3", body("text 7"))
assert alone["embeddings"] == [many["embeddings"][7]], "a text has its vector, whatever stands beside it"

control = boto3.client(
    "bedrock",
    endpoint_url=sys.argv[1],
    region_name="eu-west-3",
    aws_access_key_id="AKIDEXAMPLE",
    aws_secret_access_key="made-up",
    config=Config(retries={"total_max_attempts": 1}),
)
models = control.list_foundation_models(byOutputModality="TEXT")["modelSummaries"]
nova = next(model for model in models if model["modelId"] == "amazon.nova-lite-v1:0")
assert nova["responseStreamingSupported"] and nova["inferenceTypesSupported"] == ["INFERENCE_PROFILE"], nova
old = next(model for model in models if model["modelLifecycle"]["status"] == "LEGACY")
assert old["modelLifecycle"]["endOfLifeTime"].year == 2027, old
assert control.get_foundation_model(modelIdentifier=nova["modelId"])["modelDetails"] == nova
pages = control.get_paginator("list_inference_profiles").paginate(PaginationConfig={"PageSize": 5})
profiles = [profile for page in pages for profile in page["inferenceProfileSummaries"]]
assert 5 < len(profiles) and len({profile["inferenceProfileId"] for profile in profiles}) == len(profiles)
own = control.list_inference_profiles(typeEquals="APPLICATION")["inferenceProfileSummaries"]
found = control.get_inference_profile(inferenceProfileIdentifier=own[0]["inferenceProfileArn"])
assert found["models"][0]["modelArn"].endswith("/amazon.nova-lite-v1:0"), found
bought = control.list_provisioned_model_throughputs()["provisionedModelSummaries"][0]
assert control.get_provisioned_model_throughput(provisionedModelId=bought["provisionedModelArn"])["status"] == "InService"
deployed = control.list_custom_model_deployments()["modelDeploymentSummaries"][0]
deployed = control.get_custom_model_deployment(
    customModelDeploymentIdentifier=deployed["customModelDeploymentArn"]
)
assert deployed["status"] == "Active", deployed
assert control.list_imported_models()["modelSummaries"][0]["modelArchitecture"] == "llama3"
try:
    control.get_inference_profile(inferenceProfileIdentifier="nothing")
    raise AssertionError("a profile that is not there was found")
except control.exceptions.ResourceNotFoundException:
    pass

message = refusal(CLIENT.exceptions.ValidationException, "amazon.nova-lite-v1:0", {"messages": BLOCKS, "foo": 1})
assert message.startswith("Malformed input request: #: extraneous key [foo] is not permitted"), message
message = refusal(CLIENT.exceptions.ValidationException, HAIKU, {**CLAUDE, "stop_sequences": ["\n"]})
assert message == "stop_sequences: each stop sequence must contain non-whitespace", message
message = refusal(CLIENT.exceptions.ValidationException, "nobody.knows", {})
assert message == "The provided model identifier is invalid.", message

invoke("amazon.nova-micro-v1:0", {"messages": BLOCKS})
message = refusal(CLIENT.exceptions.ThrottlingException, "amazon.nova-micro-v1:0", {"messages": BLOCKS})
assert message == "Too many requests, please wait before trying again.", message
print("ok")
