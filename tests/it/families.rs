//! Every family, from a row to its line, on the emulator, which has its own idea of each.

use promptmill::family::Family;
use serde_json::Value;

use crate::harness::{Job, Out, QUICK};

/// A model of each family; an imported one where none has the family for its own.
const MODELS: [(&str, &str); 29] = [
    (
        "claude-messages",
        "us.anthropic.claude-haiku-4-5-20251001-v1:0",
    ),
    ("claude-text", "anthropic.claude-v2:1"),
    ("nova", "us.amazon.nova-2-lite-v1:0"),
    ("titan-text", "amazon.titan-text-express-v1"),
    ("openai-chat", "openai.gpt-oss-20b-1:0"),
    ("mistral-chat", "mistral.mistral-large-2407-v1:0"),
    ("mistral-text", "mistral.mistral-7b-instruct-v0:2"),
    ("llama2", "meta.llama2-13b-chat-v1"),
    ("llama3", "us.meta.llama3-3-70b-instruct-v1:0"),
    ("llama4", "us.meta.llama4-scout-17b-instruct-v1:0"),
    ("deepseek-text", "us.deepseek.r1-v1:0"),
    ("jamba", "ai21.jamba-1-5-mini-v1:0"),
    ("jurassic", "ai21.j2-ultra-v1"),
    ("command", "cohere.command-text-v14"),
    ("command-r", "cohere.command-r-plus-v1:0"),
    ("palmyra", "us.writer.palmyra-x5-v1:0"),
    ("text-completion", "us.writer.palmyra-x4-v1:0"),
    ("imported", IMPORTED),
    ("pegasus", "us.twelvelabs.pegasus-1-2-v1:0"),
    ("titan-embed-text", "amazon.titan-embed-text-v2:0"),
    ("titan-embed-image", "amazon.titan-embed-image-v1"),
    ("nova-embed", "amazon.nova-2-multimodal-embeddings-v1:0"),
    ("cohere-embed", "us.cohere.embed-v4:0"),
    ("marengo", "us.twelvelabs.marengo-embed-3-0-v1:0"),
    ("rerank", "cohere.rerank-v3-5:0"),
    ("amazon-image", "amazon.nova-canvas-v1:0"),
    ("stability-image", "stability.stable-image-core-v1:1"),
    ("stable-diffusion-xl", "stability.stable-diffusion-xl-v1"),
    ("raw", IMPORTED),
];

const IMPORTED: &str = "arn:aws:bedrock:us-east-1:123456789012:imported-model/abcdefabcdef";

/// One row through a model, with these flags.
fn run(model: &str, row: &str, flags: &[&str]) -> Out {
    let job = Job::new("run")
        .file("rows.jsonl", row)
        .file("quick.toml", QUICK)
        .args(["-i", "rows.jsonl", "-o", "out.jsonl", "-m", model])
        .args(["--endpoint-url", "emulator", "--scenario", "quick.toml"]);
    let job = flags.iter().fold(job, |job, flag| job.args([flag]));
    job.run()
}

fn answer(model: &str, row: &str, flags: &[&str]) -> Value {
    let out = run(model, row, flags).exits(0);
    let mut answers = out.answers();
    answers.remove("1").expect("row 1 is answered")
}

#[test]
fn every_family_gets_its_answer() {
    let names: Vec<_> = MODELS.iter().map(|(name, _)| *name).collect();
    let all: Vec<_> = Family::ALL.iter().map(|family| family.name()).collect();
    assert_eq!(names, all);
    for (name, model) in MODELS {
        let (row, flags): (_, &[&str]) = match name {
            "raw" => (r#"{"body":{"prompt":"Name a moon."}}"#, &["--body", "body"]),
            "rerank" => (r#"{"t":["which moon?","Io","Rhea"]}"#, &["--texts", "t"]),
            "cohere-embed" => (r#"{"t":["Io","Rhea"]}"#, &["--texts", "t"]),
            "pegasus" => (
                r#"{"prompt":"Name a moon."}"#,
                &[
                    "--extra",
                    r#"{"mediaSource":{"s3Location":{"uri":"s3://b/v.mp4"}}}"#,
                ],
            ),
            _ => (r#"{"prompt":"Name a moon."}"#, &[]),
        };
        let named = ["--family", name];
        let flags: Vec<&str> = flags.iter().chain(&named).copied().collect();
        let line = answer(model, row, &flags);
        assert_eq!(line["status"], "succeeded", "{name}: {line}");
        let family = Family::parse(name).unwrap();
        if family.writes_text() {
            let completion = line["completion"].as_str().expect(name);
            assert!(completion.starts_with("[emulated "), "{name}: {line}");
            assert_eq!(line["finish_reason"], "stop", "{name}: {line}");
            let counted = line["usage"]["output_tokens"].as_u64();
            assert!(counted.is_some_and(|tokens| 0 < tokens), "{name}: {line}");
        } else {
            assert!(line["completion"].is_null(), "{name}: {line}");
        }
        let streamed: Vec<&str> = flags.iter().copied().chain(["--stream"]).collect();
        if !family.abilities().streams || model.contains("llama4") {
            run(model, row, &streamed).exits(2).sent_nothing();
            continue;
        }
        let streamed = answer(model, row, &streamed);
        for key in [
            "status",
            "completion",
            "finish_reason",
            "stop_reason",
            "usage",
        ] {
            assert_eq!(streamed[key], line[key], "{name}: {key}");
        }
    }
}

#[test]
fn a_model_that_wants_more_than_a_prompt_is_not_sent_one_alone() {
    let row = r#"{"prompt":"Name a moon.","body":{"prompt":"x","image":"aGk="}}"#;
    let models = [
        (
            "us.stability.stable-image-erase-object-v1:0",
            "`image`",
            "image",
        ),
        (
            "us.twelvelabs.pegasus-1-2-v1:0",
            "`mediaSource`",
            "mediaSource",
        ),
    ];
    for (model, wants, key) in models {
        run(model, row, &[])
            .exits(2)
            .says(&format!(
                "`{model}` requires {wants} besides the prompt: give it in"
            ))
            .sent_nothing();
        let extra = format!(r#"{{"{key}":{{"base64String":"aGk="}}}}"#);
        run(model, row, &["--extra", &extra]).exits(0);
    }
    run(models[0].0, row, &["--body", "body"]).exits(0);
    run(
        "us.stability.stable-style-transfer-v1:0",
        row,
        &["--extra", r#"{"init_image":"aGk="}"#],
    )
    .exits(2)
    .says("requires `style_image` besides the prompt");
}

#[test]
fn several_texts_are_embedded_in_one_call_and_in_their_order() {
    let embed = |texts: &str| {
        let row = format!(r#"{{"t":{texts}}}"#);
        answer("us.cohere.embed-v4:0", &row, &["--texts", "t"])
    };
    let both = embed(r#"["Io","Rhea"]"#);
    assert_eq!(
        both["output"]["embeddings"]["float"]
            .as_array()
            .map(Vec::len),
        Some(2)
    );
    let many: Vec<String> = (0..97).map(|n| format!("\"{n}\"")).collect();
    let row = format!(r#"{{"t":[{}]}}"#, many.join(","));
    run("us.cohere.embed-v4:0", &row, &["--texts", "t"])
        .exits(2)
        .says("cohere-embed takes 96 texts at most, not 97: make more rows of them");
    run("amazon.nova-lite-v1:0", r#"{"t":["a"]}"#, &["--texts", "t"])
        .exits(2)
        .says("`texts`: nova takes one prompt per row");
}

#[test]
fn a_reranker_ranks_the_documents_behind_the_query() {
    let row = r#"{"t":["which moon?","Io","Rhea","Triton"]}"#;
    let line = answer("cohere.rerank-v3-5:0", row, &["--texts", "t"]);
    let results = line["output"]["results"].as_array().unwrap();
    let mut indices: Vec<_> = results.iter().map(|it| it["index"].as_u64()).collect();
    indices.sort_unstable();
    assert_eq!(indices, [Some(0), Some(1), Some(2)]);
}

#[test]
fn the_text_completion_of_the_manual_works_as_it_is() {
    let row = r#"{"body":{"prompt":"\n\nHuman: story of two dogs\n\nAssistant:","max_tokens_to_sample":300,"temperature":0.5,"top_p":1}}"#;
    let line = answer("anthropic.claude-v2", row, &["--body", "body"]);
    let completion = line["completion"].as_str().unwrap();
    assert!(completion.starts_with(" [emulated "), "as sent: {line}");
    assert_eq!(line["stop_reason"], "stop_sequence");
    let wrong = row.replace("\\n\\nHuman: ", "");
    let out = run("anthropic.claude-v2", &wrong, &["--body", "body"]).exits(3);
    let failures = out.failures();
    let said = failures["1"]["error"]["message"].as_str().unwrap();
    assert!(said.contains("prompt must start with"), "{said}");
}

#[test]
fn images_are_files_beside_the_output_before_their_line_is() {
    let row = r#"{"id":"../../moon","prompt":"a moon"}"#;
    let two = r#"{"imageGenerationConfig":{"numberOfImages":2}}"#;
    let out = run("amazon.nova-canvas-v1:0", row, &["--extra", two]).exits(0);
    let line = &out.answers()["../../moon"];
    let files: Vec<&str> = line["files"]
        .as_array()
        .unwrap()
        .iter()
        .map(|it| it.as_str().unwrap())
        .collect();
    assert_eq!(files.len(), 2, "{line}");
    for file in files {
        assert!(file.starts_with("out.images/------moon-"), "{file}");
        let bytes = std::fs::read(out.directory.path().join(file)).unwrap();
        assert!(bytes.starts_with(b"\x89PNG"), "{file}");
    }
    assert!(line["completion"].is_null());
}

#[test]
fn reasoning_is_kept_apart_and_only_if_it_is_wanted() {
    let row = r#"{"prompt":"Name a moon."}"#;
    let without = answer("us.deepseek.r1-v1:0", row, &[]);
    assert_eq!(without.get("reasoning"), None);
    let with = answer("us.deepseek.r1-v1:0", row, &["--reasoning"]);
    assert!(
        with["reasoning"].as_str().is_some_and(|it| !it.is_empty()),
        "{with}"
    );
    assert_eq!(with["completion"], without["completion"]);
    assert_eq!(with["fingerprint"], without["fingerprint"]);
}

#[test]
fn a_block_of_thought_is_kept_apart_whole_and_streamed() {
    let row = r#"{"prompt":"Name a moon."}"#;
    for (model, extra) in [
        (
            "us.anthropic.claude-haiku-4-5-20251001-v1:0",
            r#"{"thinking":{"type":"enabled","budget_tokens":1024}}"#,
        ),
        (
            "us.amazon.nova-2-lite-v1:0",
            r#"{"inferenceConfig":{"reasoningConfig":{"type":"enabled","maxReasoningEffort":"low"}}}"#,
        ),
    ] {
        let think = ["--extra", extra, "--max-tokens", "2000"];
        let keep = [&think[..], &["--reasoning"]].concat();
        let whole = answer(model, row, &keep);
        let thought = whole["reasoning"].as_str().expect(model);
        assert!(thought.ends_with('.'), "{model}: {thought}");
        let said = whole["completion"].as_str().expect(model);
        assert!(said.starts_with("[emulated "), "{model}: {said}");
        let streamed = answer(model, row, &[&keep[..], &["--stream"]].concat());
        for key in ["reasoning", "completion", "usage", "cost_usd"] {
            assert_eq!(streamed[key], whole[key], "{model}: {key}");
        }
        let dropped = answer(model, row, &think);
        assert_eq!(dropped.get("reasoning"), None, "{model}");
        assert_eq!(dropped["completion"], whole["completion"], "{model}");
        let unasked = answer(model, row, &["--max-tokens", "2000", "--reasoning"]);
        assert_eq!(unasked.get("reasoning"), None, "{model}");
    }
}

#[test]
fn what_a_model_refuses_is_said_before_sending_unless_it_is_forced() {
    let opus = "us.anthropic.claude-opus-4-7";
    let row = r#"{"prompt":"Name a moon."}"#;
    run(opus, row, &["--temperature", "0.5"])
        .exits(2)
        .says("anthropic.claude-opus-4-7 takes no temperature: remove it")
        .sent_nothing();
    run(opus, row, &["--temperature", "0.5", "--force"])
        .exits(2)
        .says(
            "the model does not take a parameter of the request; its message names `temperature`",
        );
    let begun =
        r#"{"messages":[{"role":"user","content":"a"},{"role":"assistant","content":"b"}]}"#;
    run(opus, begun, &[])
        .exits(2)
        .says("does not support assistant prefill: end with a user message");
    let out = run(opus, begun, &["--force"]).exits(3);
    let said = out.text("out.failed.jsonl");
    assert!(
        said.contains("This model does not support assistant message prefill."),
        "{said}"
    );
}

#[test]
fn what_every_row_shares_stops_the_run_at_its_first() {
    let rows = "{\"prompt\":\"a\"}\n{\"prompt\":\"b\"}\n{\"prompt\":\"c\"}\n";
    let flags = ["--extra", r#"{"top_k":5}"#, "--force", "-c", "1"];
    let out = run("us.anthropic.claude-opus-4-7", rows, &flags).exits(2);
    assert_eq!(out.failures().len(), 0, "{}", out.stderr);
    assert_eq!(out.answers().len(), 0, "{}", out.stderr);
}

#[test]
fn what_invoke_model_does_not_reach_is_said_to_be_reached_otherwise() {
    let row = r#"{"prompt":"Name a moon."}"#;
    for (model, how) in [
        ("amazon.nova-2-sonic-v1:0", "speech goes over a stream"),
        ("amazon.nova-reel-v1:1", "video is made by asynchronous"),
        ("us.luma.ray-v2:0", "video is made by asynchronous"),
        (
            "us.openai.gpt-5.6-sol",
            "Converse, Chat Completions and Responses serve it",
        ),
        ("global.openai.gpt-6-luna", "Converse, Chat Completions"),
        ("us.openai.gpt-5.4", "Chat Completions and Responses on"),
        ("xai.grok-4.3", "Chat Completions and Responses on"),
    ] {
        let said = format!("`{model}` is not reached through InvokeModel: {how}");
        let out = run(model, row, &[]).exits(2).says(&said);
        out.says("or send the requests all the same with --force")
            .sent_nothing();
    }
    let chat = ["--family", "openai-chat"];
    run("us.openai.gpt-5.6-sol", row, &chat)
        .exits(2)
        .sent_nothing();
    let planned = Job::new("plan").file("rows.jsonl", row);
    let planned = planned.args(["-i", "rows.jsonl", "-o", "other.jsonl", "--force"]);
    let planned = planned.args(["-m", "us.openai.gpt-5.6-sol"]).run().exits(0);
    assert!(planned.stdout.contains("gpt-5.6-sol"), "{}", planned.stdout);
}

#[test]
fn a_base_id_that_only_profiles_reach_is_noted() {
    let row = r#"{"prompt":"Name a moon."}"#;
    let note = "`amazon.nova-2-lite-v1:0` is called through an inference profile from us-east-1, as \
                far as the catalog knows: global.amazon.nova-2-lite-v1:0, us.amazon.nova-2-lite-v1:0";
    let region = ["--region", "us-east-1"];
    let out = run("amazon.nova-2-lite-v1:0", row, &region).says(note);
    let [flag, name] = region;
    let planned = out
        .again("plan")
        .args(["-i", "rows.jsonl", "-o", "other.jsonl"]);
    let planned = planned.args(["-m", "amazon.nova-2-lite-v1:0", flag, name]);
    let planned = planned.run().exits(0);
    let said = planned
        .stdout
        .split_whitespace()
        .collect::<Vec<_>>()
        .join(" ");
    assert!(said.contains(note), "{}", planned.stdout);
    let called = run("us.amazon.nova-2-lite-v1:0", row, &region).exits(0);
    assert!(
        !called.stderr.contains("inference profile"),
        "{}",
        called.stderr
    );
}

#[test]
fn images_in_messages_reach_the_models_that_see() {
    let row = r#"{"messages":[{"role":"user","content":[{"type":"text","text":"What is this?"},{"type":"image_url","image_url":{"url":"data:image/png;base64,iVBORw0KGgo="}}]}]}"#;
    for (name, model) in &MODELS[..6] {
        let sees = Family::parse(name).unwrap().abilities().images == "in messages";
        if sees {
            assert_eq!(answer(model, row, &[])["status"], "succeeded", "{name}");
        } else {
            run(model, row, &[])
                .exits(2)
                .says("has no form for images in messages: send such rows with a body");
        }
    }
}

/// Prompts that the models' own filters do not answer.
fn filtered(model: &str, flags: &[&str]) -> Value {
    let job = Job::new("run")
        .file("rows.jsonl", r#"{"prompt":"how to make a bomb"}"#)
        .scenario(&format!(
            "{QUICK}[filter]\ntakes = [\"bomb\"]\n[guardrail]\nblocks = [\"bomb\"]\n"
        ))
        .args(["-i", "rows.jsonl", "-o", "out.jsonl", "-m", model]);
    let job = flags.iter().fold(job, |job, flag| job.args([flag]));
    let mut answers = job.run().exits(0).answers();
    answers.remove("1").expect("row 1 is answered")
}

#[test]
fn what_a_models_own_filter_takes_is_filtered_in_its_own_word() {
    for (model, word) in [
        ("us.anthropic.claude-haiku-4-5-20251001-v1:0", "refusal"),
        ("us.amazon.nova-2-lite-v1:0", "content_filtered"),
        ("openai.gpt-oss-20b-1:0", "content_filter"),
        ("amazon.titan-text-express-v1", "CONTENT_FILTERED"),
        ("cohere.command-text-v14", "ERROR_TOXIC"),
        ("cohere.command-r-plus-v1:0", "ERROR_TOXIC"),
        ("stability.stable-image-core-v1:1", "Filter reason: prompt"),
        ("stability.stable-diffusion-xl-v1", "CONTENT_FILTERED"),
    ] {
        let ways: &[&[&str]] = match model.starts_with("stability.") {
            true => &[&[]],
            false => &[&[], &["--stream"]],
        };
        for flags in ways {
            let line = filtered(model, flags);
            assert_eq!(line["status"], "filtered", "{model}: {line}");
            assert_eq!(line["finish_reason"], "content_filter", "{model}: {line}");
            assert_eq!(line["stop_reason"], word, "{model}: {line}");
            assert_eq!(
                line["completion"].as_str().unwrap_or(""),
                "",
                "{model}: {line}"
            );
        }
    }
    let canvas = filtered("amazon.nova-canvas-v1:0", &[]);
    assert_eq!(canvas["status"], "filtered", "{canvas}");
    let llama = filtered("meta.llama3-8b-instruct-v1:0", &[]);
    assert_eq!(
        llama["status"], "succeeded",
        "it has no word for it: {llama}"
    );
}

#[test]
fn a_guardrail_lets_no_image_through() {
    for model in [
        "amazon.nova-canvas-v1:0",
        "stability.stable-image-core-v1:1",
        "stability.stable-diffusion-xl-v1",
    ] {
        let line = filtered(model, &["--guardrail", "gr-1", "--guardrail-version", "1"]);
        assert_eq!(line["status"], "filtered", "{model}: {line}");
        assert_eq!(line["finish_reason"], "guardrail", "{model}: {line}");
        assert_eq!(line.get("files"), None, "{model}: {line}");
    }
}

#[test]
fn who_thinks_unasked_does_so_and_may_be_told_not_to() {
    let row = r#"{"prompt":"Name a moon."}"#;
    let opus = "us.anthropic.claude-opus-5";
    for flags in [&["--reasoning"][..], &["--reasoning", "--stream"]] {
        let line = answer(opus, row, flags);
        assert!(line["reasoning"].is_string(), "{line}");
        assert!(
            line["completion"]
                .as_str()
                .unwrap()
                .starts_with("[emulated "),
            "{line}"
        );
    }
    let off = [
        "--reasoning",
        "--extra",
        r#"{"thinking":{"type":"disabled"}}"#,
    ];
    let line = answer(opus, row, &off);
    assert_eq!(line.get("reasoning"), None, "{line}");
}

#[test]
fn what_the_body_says_of_its_delivery_is_what_the_path_says() {
    let chat = |more: &str| {
        format!(
            r#"{{"body":{{"messages":[{{"role":"user","content":"Hi"}}],"max_tokens":9,{more}}}}}"#
        )
    };
    let claude = r#"{"body":{"anthropic_version":"bedrock-2023-05-31","max_tokens":9,"stream":true,"messages":[{"role":"user","content":"Hi"}]}}"#;
    let haiku = "us.anthropic.claude-haiku-4-5-20251001-v1:0";
    let command = r#"{"body":{"prompt":"Hi","stream":true}}"#;
    let (jamba, oss) = ("ai21.jamba-1-5-mini-v1:0", "openai.gpt-oss-20b-1:0");
    for (model, row, streamed, why) in [
        (haiku, claude.to_owned(), false, "extraneous key [stream]"),
        (haiku, claude.to_owned(), true, "extraneous key [stream]"),
        (oss, chat(r#""stream":false"#), true, "stream must be true"),
        (oss, chat(r#""stream":true"#), false, "stream must be false"),
        (
            "cohere.command-text-v14",
            command.to_owned(),
            false,
            "#/stream: must be false",
        ),
        (jamba, chat(r#""n":2"#), true, "n must be 1 when streaming"),
    ] {
        let flags: &[&str] = match streamed {
            true => &["--body", "body", "--stream", "--force"],
            false => &["--body", "body"],
        };
        let out = run(model, &row, flags).exits(3);
        let said = out.text("out.failed.jsonl");
        assert!(said.contains(why), "{model} {streamed}: {said}");
    }
    let line = answer(
        oss,
        &chat(r#""stream":true"#),
        &["--body", "body", "--stream"],
    );
    assert_eq!(line["status"], "succeeded", "{line}");
}

#[test]
fn a_stream_is_not_asked_for_several_completions_that_its_chunks_do_not_tell_apart() {
    let row = r#"{"prompt":"Hi","body":{"messages":[{"role":"user","content":"Hi"}],"n":2}}"#;
    let jamba = "ai21.jamba-1-5-mini-v1:0";
    run(jamba, row, &["--extra", r#"{"n":2}"#, "--stream"])
        .exits(2)
        .says("extra.n asks for several completions, and jamba streams one")
        .sent_nothing();
    let out = run(jamba, row, &["--body", "body", "--stream"]);
    assert!(out.text("out.jsonl").is_empty(), "{}", out.stderr);
    let said = format!("{}{}", out.stderr, out.text("out.failed.jsonl"));
    assert!(
        said.contains("the body asks for several completions, and jamba streams one"),
        "{said}"
    );
    run(jamba, row, &["--body", "body"]).exits(0);
}

#[test]
fn an_imported_model_needs_no_name_for_its_layout() {
    for more in [&[][..], &["--stream"]] {
        let line = answer(IMPORTED, r#"{"prompt":"Hi"}"#, more);
        assert_eq!(line["status"], "succeeded", "{line}");
    }
}

#[test]
fn a_body_that_lacks_a_key_fails_alone() {
    let good = r#"{"body":{"anthropic_version":"bedrock-2023-05-31","max_tokens":9,"messages":[{"role":"user","content":"Hi"}]}}"#;
    let bad = r#"{"body":{"anthropic_version":"bedrock-2023-05-31","messages":[{"role":"user","content":"Hi"}]}}"#;
    let worse = r#"{"body":{"anthropic_version":"bedrock-2023-05-31"}}"#;
    let rows = [good, bad, worse, good].join("\n");
    let claude = "us.anthropic.claude-haiku-4-5-20251001-v1:0";
    let out = run(claude, &rows, &["--body", "body", "-c", "1", "--force"]).exits(3);
    assert_eq!(out.answers().len(), 2, "{}", out.stderr);
    let failed = out.failures();
    assert_eq!(failed.len(), 2, "{}", out.stderr);
    assert!(
        failed
            .values()
            .all(|line| line["error"]["category"] == "invalid_request"),
        "{failed:?}"
    );
}

#[test]
fn an_imported_model_answers_in_the_shape_that_its_limit_asks_for() {
    let row = r#"{"prompt":"Hi","body":{"prompt":"Hi","max_gen_len":9}}"#;
    let llama = ["--family", "imported", "--extra", r#"{"max_gen_len":9}"#];
    for more in [&[][..], &["--stream"]] {
        let line = answer(IMPORTED, row, &[&llama[..], more].concat());
        assert_eq!(line["finish_reason"], "length", "{line}");
        // The family that was named is not the body's.
        let other = ["--family", "text-completion", "--body", "body"];
        let line = answer(IMPORTED, row, &[&other[..], more].concat());
        assert_eq!(line["finish_reason"], "length", "{line}");
        assert_eq!(line["usage"]["output_tokens"], 9, "{line}");
    }
}

#[test]
fn models_that_have_left_are_refused_where_the_scenario_says_so() {
    let scenario = format!("end_of_life = true\n{QUICK}");
    let out = Job::new("run")
        .file("rows.jsonl", r#"{"prompt":"Name a moon."}"#)
        .file("today.toml", &scenario)
        .args([
            "-i",
            "rows.jsonl",
            "-o",
            "out.jsonl",
            "-m",
            "ai21.j2-ultra-v1",
        ])
        .args(["--endpoint-url", "emulator", "--scenario", "today.toml"])
        .run();
    out.exits(77).says("the model is retired");
}
