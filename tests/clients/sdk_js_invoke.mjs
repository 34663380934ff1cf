// Calls the emulator as the AWS SDK for JavaScript does:
// `node sdk_js_invoke.mjs http://127.0.0.1:PORT`.
//
// The emulator runs the scenario tests/clients/clients.toml. Prints "ok", or fails.

import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import {
  BedrockRuntimeClient,
  InvokeModelCommand,
  InvokeModelWithResponseStreamCommand,
  ModelStreamErrorException,
  ThrottlingException,
  ValidationException,
} from "@aws-sdk/client-bedrock-runtime";
import {
  BedrockClient,
  GetInferenceProfileCommand,
  ListCustomModelDeploymentsCommand,
  ListFoundationModelsCommand,
  ListImportedModelsCommand,
  ListProvisionedModelThroughputsCommand,
  ResourceNotFoundException,
  paginateListInferenceProfiles,
} from "@aws-sdk/client-bedrock";

const settings = {
  endpoint: process.argv[2],
  region: "us-east-1",
  credentials: { accessKeyId: "AKIDEXAMPLE", secretAccessKey: "made-up" },
  maxAttempts: 1,
};
const client = new BedrockRuntimeClient(settings);
const control = new BedrockClient({ ...settings, region: "eu-west-3" });

const prompt = "Größe eines Mondes?";
const chat = [{ role: "user", content: prompt }];
const blocks = [{ role: "user", content: [{ text: prompt }] }];
const claude = { anthropic_version: "bedrock-2023-05-31", max_tokens: 50, messages: chat };
const llama4 =
  "<|begin_of_text|><|header_start|>user<|header_end|>\n\n" +
  `${prompt}<|eot|><|header_start|>assistant<|header_end|>\n\n`;
const imported = "arn:aws:bedrock:us-east-1:123456789012:imported-model/abcdefabcdef";

async function invoke(modelId, body) {
  const command = new InvokeModelCommand({
    modelId,
    contentType: "application/json",
    body: JSON.stringify(body),
  });
  const reply = await client.send(command);
  return JSON.parse(new TextDecoder().decode(reply.body));
}

async function stream(modelId, body) {
  const command = new InvokeModelWithResponseStreamCommand({
    modelId,
    contentType: "application/json",
    body: JSON.stringify(body),
  });
  const chunks = [];
  for await (const event of (await client.send(command)).body) {
    chunks.push(JSON.parse(new TextDecoder().decode(event.chunk.bytes)));
  }
  return chunks;
}

// The model thinks before it answers.
const answerOf = (reply) => reply.content.find((block) => block.type === "text").text;

// Model, body, and where its answer is.
const textModels = [
  ["anthropic.claude-opus-5", claude, answerOf],
  ["eu.amazon.nova-pro-v1:0", { messages: blocks }, (r) => r.output.message.content[0].text],
  ["qwen.qwen3-32b-v1:0", { messages: chat, max_tokens: 50 }, (r) => r.choices[0].message.content],
  ["us.meta.llama4-scout-17b-instruct-v1:0", { prompt: llama4 }, (r) => r.generation],
  ["mistral.mistral-small-2402-v1:0", { prompt: `<s>[INST] ${prompt} [/INST]` }, (r) => r.outputs[0].text],
  [imported, { prompt, max_tokens: 50 }, (r) => r.choices[0].text],
];
const digest = createHash("sha256").update(prompt, "utf8").digest("hex").slice(0, 8);
for (const [model, body, textOf] of textModels) {
  const text = textOf(await invoke(model, body)).trimStart();
  assert.ok(text.startsWith(`[emulated ${digest}] `), `${model}: ${text}`);
}

const pieces = (await stream("anthropic.claude-opus-5", claude))
  .filter((chunk) => chunk.delta?.type === "text_delta")
  .map((chunk) => chunk.delta.text);
assert.ok(1 < pieces.length);
assert.equal(pieces.join(""), answerOf(await invoke("anthropic.claude-opus-5", claude)));
await assert.rejects(
  stream("mistral.mistral-7b-instruct-v0:2", { prompt: "<s>[INST] break here [/INST]" }),
  ModelStreamErrorException,
);

// The calls of AWS's page on InvokeModel, for Claude 2; the essay is streamed. A content type is named,
// since this SDK sends application/octet-stream where none is, which is not JSON (seen with 3.972).
const claude2 = (prompt, settings) => ({
  prompt: `\n\nHuman: ${prompt}\n\nAssistant:`,
  ...settings,
});
const story = await invoke("anthropic.claude-v2", claude2("story of two dogs", { max_tokens_to_sample: 300 }));
assert.ok(story.completion.startsWith(" [emulated "), story.completion);
const holes = claude2("explain black holes to 8th graders", {
  max_tokens_to_sample: 300,
  temperature: 0.1,
  top_p: 0.9,
});
assert.ok((await invoke("anthropic.claude-v2", holes)).completion.startsWith(" [emulated "));
const mars = claude2("write an essay for living on mars in 1000 words", { max_tokens_to_sample: 4000 });
const essay = await stream("anthropic.claude-v2", mars);
assert.ok(1 < essay.length);
assert.ok(essay.map((chunk) => chunk.completion).join("").startsWith(" [emulated "));
assert.ok(essay.at(-1)["amazon-bedrock-invocationMetrics"].outputTokenCount > 0);

// A tool that has to be called, over Nova.
const tool = {
  toolSpec: {
    name: "label",
    inputSchema: { json: { type: "object", properties: { tag: { enum: ["good"] } }, required: ["tag"] } },
  },
};
const called = await invoke("us.amazon.nova-lite-v1:0", {
  messages: blocks,
  toolConfig: { tools: [tool], toolChoice: { tool: { name: "label" } } },
});
assert.deepEqual(called.output.message.content[0].toolUse.input, { tag: "good" });

const { embedding } = await invoke("amazon.titan-embed-text-v1", { inputText: prompt });
assert.equal(embedding.length, 1536);
assert.ok(Math.abs(Math.hypot(...embedding) - 1) < 1e-5);

await assert.rejects(invoke("amazon.nova-lite-v1:0", { messages: chat }), (error) => {
  assert.ok(error instanceof ValidationException, error);
  return /^Malformed input request: #\/messages\/0\/content: /.test(error.message);
});

await invoke("us.amazon.nova-micro-v1:0", { messages: blocks });
await assert.rejects(invoke("us.amazon.nova-micro-v1:0", { messages: blocks }), (error) => {
  assert.ok(error instanceof ThrottlingException, error);
  return error.message === "Too many requests, please wait before trying again.";
});
const { modelSummaries } = await control.send(new ListFoundationModelsCommand({}));
const nova = modelSummaries.find((model) => model.modelId === "amazon.nova-lite-v1:0");
assert.deepEqual(nova.inferenceTypesSupported, ["INFERENCE_PROFILE"]);
assert.equal(nova.responseStreamingSupported, true);
const profiles = [];
for await (const page of paginateListInferenceProfiles({ client: control, pageSize: 5 }, {})) {
  profiles.push(...page.inferenceProfileSummaries);
}
const own = profiles.filter((profile) => profile.type === "APPLICATION");
assert.ok(5 < profiles.length);
assert.equal(own.length, 1);
assert.ok(own[0].createdAt instanceof Date);
const get = (inferenceProfileIdentifier) =>
  control.send(new GetInferenceProfileCommand({ inferenceProfileIdentifier }));
const { models } = await get(own[0].inferenceProfileArn);
assert.match(models[0].modelArn, /\/amazon\.nova-lite-v1:0$/);
await assert.rejects(get("nothing"), (error) => error instanceof ResourceNotFoundException);
const bought = await control.send(new ListProvisionedModelThroughputsCommand({}));
assert.equal(bought.provisionedModelSummaries[0].status, "InService");
const deployed = await control.send(new ListCustomModelDeploymentsCommand({}));
assert.equal(deployed.modelDeploymentSummaries[0].status, "Active");
const brought = await control.send(new ListImportedModelsCommand({}));
assert.equal(brought.modelSummaries[0].modelArchitecture, "llama3");
console.log("ok");
