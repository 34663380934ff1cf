//! Good inputs, from which the others are made.

type Corpus<const N: usize> = [&'static [u8]; N];

pub(crate) const INPUTS: Corpus<9> = [
    b"id,prompt\n1,why\n2,\"a \"\"b\"\"\nc\"\n",
    b"id\tprompt\r\n1\twhy\r\n",
    b"{\"id\":1,\"prompt\":\"why\"}\n{\"id\":2,\"prompt\":\"caf\xc3\xa9\"}\n",
    b"[{\"id\":1,\"prompt\":\"a\"},\n {\"id\":2,\"prompt\":[1,{\"x\":\"]\"}]}]\n",
    b"{\n \"prompt\": \"a\"\n}\n{\"prompt\":\"b\"}",
    b"\xef\xbb\xbfprompt\nx\n",
    b"\xff\xfei\0d\0",
    // gzip and zstd of "a\n1\n"
    b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x02\x03\x4b\xe4\x32\xe4\x02\x00\x00\x24\xc1\x89\x04\x00\x00\x00",
    b"\x28\xb5\x2f\xfd\x20\x04\x21\x00\x00a\n1\n",
];

pub(crate) const LEDGERS: Corpus<4> = [
    LINE,
    b"{\"custom_id\":\"a\",\"row\":1,\"status\":\"succeeded\",\"completion\":\"x\",\"usage\":{\"input_tokens\":1,\"output_tokens\":2},\"attempts\":1,\"fingerprint\":\"00\"}\n{\"custom_id\":\"b\",\"row\":2,\"status\":\"filtered\",\"usage\":{},\"fingerprint\":\"01\"}\n\0\n{\"custom_id\":\"c\",\"row\":3,\"status\":\"failed\",\"error\":{\"category\":\"network\"},\"fingerprint\":\"02\"}\n",
    b"{\"custom_id\":\"a\",\"row\":1,\"status\":\"succ",
    b"",
];

const LINE: &[u8] = b"{\"custom_id\":\"a\",\"row\":1,\"status\":\"succeeded\",\"completion\":\"x\",\"finish_reason\":\"stop\",\"stop_reason\":\"end_turn\",\"model\":\"m\",\"usage\":{\"input_tokens\":1,\"output_tokens\":2,\"cache_read_input_tokens\":0,\"cache_write_input_tokens\":0},\"cost_usd\":0.1,\"attempts\":1,\"throttles\":0,\"maybe_billed\":0,\"queued_ms\":1,\"latency_ms\":2,\"started_at\":\"2026-11-22T00:00:00Z\",\"finished_at\":\"2026-11-22T00:00:01Z\",\"request_id\":null,\"fingerprint\":\"0011223344556677\",\"metadata\":{}}\n";

pub(crate) const JOBS: Corpus<3> = [
    include_bytes!("../../jobs/nightly.toml"),
    b"input.path = \"in.csv\"\noutput.path = \"out.jsonl\"\n[sweep]\nmodel = [\"amazon.nova-lite-v1:0\", \"openai.gpt-oss-20b-1:0\"]\ntemperature = [0, 0.5]\nstop = [[\"a\"], []]\nsamples = 3\nseed = 7\non_refused = \"skip\"\n[[sweep.prompt]]\nname = \"a\"\ntemplate = \"{{ x }}\"\n",
    b"[input]\npath = \"in.csv\"\n[prompt]\ntemplate = \"{{ x }}\"\n[model]\nid = \"amazon.nova-lite-v1:0\"\nregion = \"us-east-1\"\nmax_tokens = 5\n[model.extra]\na = [1, {b = 2}]\n[limits]\nrequests_per_minute = 5\ndeadline = \"6h\"\nmax_cost_usd = 1.5\n[retry]\nthrottle_wait = \"15m\"\n[output]\npath = \"out/{{ date }}/${X}.jsonl\"\nmax_failures = \"1%\"\n",
];

pub(crate) const SCENARIOS: Corpus<1> =
    [include_bytes!("../../jobs/scenarios/busy-afternoon.toml")];

pub(crate) const TEMPLATES: Corpus<5> = [
    b"Label this: {{ prompt }} ({{ row[\"id\"] }})",
    b"{% for x in list %}{{ loop.index }} {{ x | upper }}{% else %}none{% endfor %}",
    b"{% if prompt is defined and id > 0 %}{{ prompt | replace('a', 'b') | trim }}{% endif %}",
    b"{% set y = list | length %}{{ y * 2 }}{# a comment #}{{ \"x\" ~ prompt[:3] }}",
    b"{% macro m(a) %}{{ a }}{% endmacro %}{{ m(prompt) }}{% raw %}{{ {% endraw %}",
];

pub(crate) const MESSAGES: Corpus<3> = [
    b"[{\"role\":\"system\",\"content\":\"be kind\"},{\"role\":\"user\",\"content\":[{\"type\":\"text\",\"text\":\"hi\"}]}]",
    b"{\"messages\":[{\"role\":\"user\",\"content\":\"hi\"}],\"max_tokens\":5}",
    b"hello",
];

pub(crate) const REPLIES: Corpus<12> = [
    b"{\"content\":[{\"type\":\"thinking\",\"thinking\":\"h\"},{\"type\":\"text\",\"text\":\"hi\"},{\"type\":\"tool_use\",\"name\":\"f\",\"input\":{}}],\"stop_reason\":\"end_turn\",\"usage\":{\"input_tokens\":3,\"output_tokens\":4,\"cache_read_input_tokens\":1}}",
    b"{\"output\":{\"message\":{\"role\":\"assistant\",\"content\":[{\"text\":\"hi\"}]}},\"stopReason\":\"max_tokens\",\"usage\":{\"inputTokens\":3,\"outputTokens\":4}}",
    b"{\"choices\":[{\"message\":{\"role\":\"assistant\",\"content\":\"<reasoning>r</reasoning>hi\",\"tool_calls\":[]},\"finish_reason\":\"stop\"}],\"usage\":{\"prompt_tokens\":1,\"completion_tokens\":2}}",
    b"{\"outputs\":[{\"text\":\"hi\",\"stop_reason\":\"length\"}]}",
    b"{\"generation\":\"hi\",\"prompt_token_count\":1,\"generation_token_count\":2,\"stop_reason\":\"stop\"}",
    b"{\"choices\":[{\"text\":\"<think>x</think>hi\",\"stop_reason\":\"stop\"}]}",
    b"{\"inputTextTokenCount\":1,\"results\":[{\"tokenCount\":2,\"outputText\":\"hi\",\"completionReason\":\"FINISH\"}]}",
    b"{\"embedding\":[0.5,-1e3],\"embeddingsByType\":{\"float\":[0.1]},\"inputTextTokenCount\":1}",
    b"{\"generations\":[{\"text\":\"hi\",\"finish_reason\":\"COMPLETE\"}]}",
    b"{\"completions\":[{\"data\":{\"text\":\"hi\"},\"finishReason\":{\"reason\":\"endoftext\"}}]}",
    b"{\"images\":[\"AAAA\"],\"error\":null,\"results\":[{\"index\":0,\"relevance_score\":0.9}]}",
    b"{\"amazon-bedrock-guardrailAction\":\"INTERVENED\",\"content\":[]}",
];

pub(crate) const STREAMS: Corpus<4> = [
    b"{\"type\":\"message_start\",\"message\":{\"content\":[],\"usage\":{\"input_tokens\":3}}}\n{\"type\":\"content_block_start\",\"index\":0,\"content_block\":{\"type\":\"text\",\"text\":\"\"}}\n{\"type\":\"content_block_delta\",\"index\":0,\"delta\":{\"type\":\"text_delta\",\"text\":\"hi\"}}\n{\"type\":\"content_block_stop\",\"index\":0}\n{\"type\":\"message_delta\",\"delta\":{\"stop_reason\":\"end_turn\"},\"usage\":{\"output_tokens\":2}}\n{\"type\":\"message_stop\",\"amazon-bedrock-invocationMetrics\":{\"inputTokenCount\":3,\"outputTokenCount\":2,\"invocationLatency\":5,\"firstByteLatency\":2}}\n",
    b"{\"messageStart\":{\"role\":\"assistant\"}}\n{\"contentBlockDelta\":{\"delta\":{\"text\":\"hi\"},\"contentBlockIndex\":0}}\n{\"contentBlockStop\":{\"contentBlockIndex\":0}}\n{\"messageStop\":{\"stopReason\":\"end_turn\"}}\n{\"metadata\":{\"usage\":{\"inputTokens\":1,\"outputTokens\":1}}}\n",
    b"{\"choices\":[{\"index\":0,\"delta\":{\"role\":\"assistant\",\"content\":\"hi\",\"tool_calls\":[{\"index\":0,\"function\":{\"name\":\"f\",\"arguments\":\"{\"}}]}}]}\n{\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}]}\n\"[DONE]\"\n",
    b"{\"generation\":\"hi\",\"prompt_token_count\":1,\"generation_token_count\":1,\"stop_reason\":null}\n{\"generation\":\"\",\"generation_token_count\":2,\"stop_reason\":\"stop\"}\n{\"outputText\":\"x\",\"index\":0,\"completionReason\":\"FINISH\"}\n{\"outputs\":[{\"text\":\"x\",\"stop_reason\":\"stop\"}]}\n",
];

pub(crate) const REFUSALS: Corpus<3> = [
    b"ThrottlingException\n429\nToo many tokens per day, please wait before trying again.",
    b"ValidationException\n400\nprompt is too long: 5 tokens > 4 maximum",
    b"ExpiredTokenException\n403\nThe security token included in the request is expired",
];

pub(crate) const SCHEMAS: Corpus<4> = [
    b"{\"type\":\"object\",\"properties\":{\"a\":{\"type\":[\"string\",\"null\"],\"maxLength\":3},\"b\":{\"$ref\":\"#/$defs/b\"}},\"required\":[\"a\"],\"$defs\":{\"b\":{\"enum\":[1,\"x\",null]}}}",
    b"{\"anyOf\":[{\"type\":\"object\",\"properties\":{\"n\":{\"$ref\":\"#\"}}},{\"const\":7}],\"not\":{\"items\":{\"pattern\":\"^(a|b)+$\"}}}",
    b"{\"type\":\"array\",\"items\":{\"oneOf\":[{\"format\":\"date\"},{\"minimum\":1.5,\"multipleOf\":0.5}]},\"minItems\":2,\"uniqueItems\":true}",
    b"{\"type\":\"object\",\"patternProperties\":{\"^x\":{}},\"additionalProperties\":{\"type\":\"string\"},\"if\":{\"required\":[\"a\"]},\"then\":false}",
];

pub(crate) const COMPLETIONS: Corpus<7> = [
    b"{\"label\": \"a\", \"score\": 1, \"notes\": [\"x\"]}",
    b"<think>hm {</think>\n```json\n{\"label\": \"a\"}\n```\nDone.",
    b"Here: {'label': 'b', score: 3, \"notes\": ['it\\'s',],} // end",
    b"{\"label\": None, # no\n\"ok\": True}",
    b"~~~\n[1, {\"label\": \"\\ud83d\\ude00\"}]\n~~~",
    b"The answer {\"label\": \"a\", \"notes\": [\"a\\nb\", /* c */ \"d\"]} and {\"label\": \"b\"}",
    b"{\"label\": \"a\", \"score\": 1e2, \"label\": ",
];
