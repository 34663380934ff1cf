//! Files as the world sends them: each is read as it is meant, or rejected for what it is.

use std::io::Write as _;

use promptmill::family::{Doubtful, Family, Parameters};
use promptmill::input::{Fields, Input, ReadOptions};
use promptmill::model::Content;
use promptmill::prompt::{PromptSource, PromptSpec, Prompter};

use crate::harness::{Job, Out, QUICK, digest};

const HAIKU: &str = "us.anthropic.claude-haiku-4-5-20251001-v1:0";

fn job<const N: usize>(name: &str, content: impl AsRef<[u8]>, args: [&str; N]) -> Job {
    let job = Job::new("run").file(name, content).scenario(QUICK);
    job.args(["-i", name, "-m", HAIKU, "-o", "out.jsonl"])
        .args(args)
}

/// Checks that these rows, and no others, are answered: their ids and prompts.
#[track_caller]
fn read<const N: usize>(
    name: &str,
    content: impl AsRef<[u8]>,
    args: [&str; N],
    rows: &[(&str, &str)],
) -> Out {
    let out = job(name, content, args).run().exits(0);
    let answers = out.answers();
    assert_eq!(answers.len(), rows.len(), "{name}: {answers:?}");
    for (id, prompt) in rows {
        let completion = answers[*id]["completion"].as_str().unwrap();
        assert!(
            completion.starts_with(&digest(prompt)),
            "{name}: {id} is not {prompt:?}"
        );
    }
    out
}

/// Checks that nothing is sent, and that this is said.
#[track_caller]
fn reject<const N: usize>(name: &str, content: impl AsRef<[u8]>, args: [&str; N], said: &str) {
    job(name, content, args)
        .run()
        .exits(2)
        .sent_nothing()
        .says(said);
}

fn gzip(text: &str) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(text.as_bytes()).unwrap();
    encoder.finish().unwrap()
}

const TWO: &[(&str, &str)] = &[("1", "a"), ("2", "b")];

#[test]
fn quoting_that_a_strict_reader_rejects_is_never_accepted_in_silence() {
    let tsv = "id\tprompt\r\n1\t\"Open\r\n2\tsecond\r\n3\thas \" one\"\r\n4\tfourth\r\n";
    let rows = [
        ("1", "\"Open"),
        ("2", "second"),
        ("3", "has \" one\""),
        ("4", "fourth"),
    ];
    read("quotes.tsv", tsv, [], &rows).says("quotes are read as text");
    let csv = tsv.replace('\t', ",");
    reject(
        "quotes.csv",
        &csv,
        [],
        "quotes.csv: line 2: a value begins with a quote",
    );
    read("quotes.csv", &csv, ["--quote", "none"], &rows);
    let escaped = "id,prompt\n1,\"He said \\\"hi\\\" then left\"\n2,ok\n";
    reject(
        "escaped.csv",
        escaped,
        [],
        "give --escape backslash (`escape` in [input])",
    );
    let rows = [("1", "He said \"hi\" then left"), ("2", "ok")];
    read("escaped.csv", escaped, ["--escape", "backslash"], &rows);
}

#[test]
fn delimiters_and_headers_can_be_said_and_are_asked_for() {
    let semi = "id;prompt;team\r\n1;Was ist das?;eu\r\n2;Preis 3,50 Euro, ja;us\r\n";
    reject(
        "semi.csv",
        semi,
        [],
        "give --delimiter ';' (`delimiter = \";\"` in [input])",
    );
    let rows = [("1", "Was ist das?"), ("2", "Preis 3,50 Euro, ja")];
    read("semi.csv", semi, ["--delimiter", ";"], &rows);
    let named = Job::new("run")
        .file("semi.csv", semi)
        .file(
            "job.toml",
            "[input]\npath = \"semi.csv\"\ndelimiter = \";\"\n[output]\npath = \"out.jsonl\"\n",
        )
        .scenario(QUICK)
        .args(["job.toml", "-m", HAIKU]);
    assert_eq!(named.run().exits(0).answered(), "1 2");
    read("sep.csv", "sep=;\r\nid;prompt\r\n1;a\r\n2;b\r\n", [], TWO);
    read("sep.csv", "sep=,\r\nid,prompt\r\n1,a\r\n2,b\r\n", [], TWO);
    read(
        "bare.csv",
        "a\nb\n",
        ["--header=false", "--column", "column_1"],
        TWO,
    );
    read(
        "pipe.csv",
        "#made\nid|prompt\n1|a\n2|b\n",
        ["--delimiter", "pipe", "--comment", "#"],
        TWO,
    );
    reject(
        "in.jsonl",
        "{\"prompt\":\"a\"}\n",
        ["--delimiter", ";"],
        "`delimiter` is for csv and tsv",
    );
    reject(
        "in.csv",
        "prompt\na\n",
        ["--delimiter", ";;"],
        "\";;\" is not one ASCII character",
    );
}

#[test]
fn what_spreadsheets_and_data_frames_write_around_a_table_is_left_out_and_said() {
    read("index.csv", ",prompt\r\n0,a\r\n1,b\r\n", [], TWO)
        .says("column 1 has no name and is left out");
    let ghosts = "id,prompt,,,\r\n1,a,,,\r\n2,b,,,\r\n,,,,\r\n";
    read("ghosts.csv", ghosts, [], TWO)
        .says("columns 3, 4, 5 have no name and are left out")
        .says("1 row of nothing but separators was skipped");
}

#[test]
fn ids_keep_their_digits_and_may_be_the_row_number_or_a_path() {
    let big = "{\"id\":12345678901234567890123,\"prompt\":\"a\"}\n{\"id\":12345678901234567890124,\"prompt\":\"b\"}\n";
    let rows = [
        ("12345678901234567890123", "a"),
        ("12345678901234567890124", "b"),
    ];
    let out = read("big.jsonl", big, ["--keep", "id"], &rows);
    assert!(
        out.text("out.jsonl")
            .contains("\"metadata\":{\"id\":12345678901234567890123}")
    );
    read(
        "lead.csv",
        "id,prompt\n007,a\n7,b\n07,c\n",
        [],
        &[("007", "a"), ("7", "b"), ("07", "c")],
    );
    let twice = "id,prompt\nA,a\nA,b\n";
    reject("twice.csv", twice, [], "`A` appears in rows 1 and 2");
    read("twice.csv", twice, ["--id", "#row"], TWO);
    let nested = "{\"id\":1,\"input\":{\"text\":\"a\"},\"meta\":{\"src\":\"x\"}}\n";
    let out = read(
        "nested.jsonl",
        nested,
        ["--id", "meta.src", "--column", "input.text", "--keep", "*"],
        &[("x", "a")],
    );
    assert_eq!(out.answers()["x"]["metadata"]["meta"]["src"], "x");
    let out = read(
        "nested.jsonl",
        nested,
        ["-t", "{{ input.text }}", "--keep", "/meta/src"],
        &[("1", "a")],
    );
    assert_eq!(out.answers()["1"]["metadata"]["/meta/src"], "x");
}

#[test]
fn rows_inside_of_a_document_are_reached_by_a_path_that_is_named() {
    let wrapped = "{\"data\":[{\"id\":1,\"prompt\":\"a\"},{\"id\":2,\"prompt\":\"b\"}]}";
    reject("wrapped.json", wrapped, [], "give --records /data");
    read("wrapped.json", wrapped, ["--records", "/data"], TWO);
    let listed =
        "[{\"rows\":[]},{\"rows\":[{\"id\":1,\"prompt\":\"a\"},{\"id\":2,\"prompt\":\"b\"}]}]";
    read("listed.json", listed, ["--records", "/1/rows"], TWO);
    let rows = "{\"features\":[{\"name\":\"prompt\"},{}],\"rows\":[{\"row\":{\"prompt\":\"a\"}},{\"row\":{\"prompt\":\"b\"}}]}";
    reject(
        "rows.json",
        rows,
        [],
        "give --records /rows, and --column row.NAME",
    );
    read(
        "rows.json",
        rows,
        ["--records", "rows", "--column", "row.prompt"],
        TWO,
    );
}

#[test]
fn batch_files_of_other_apis_run_by_a_path_and_not_as_bodies() {
    let openai = "{\"custom_id\":\"1\",\"body\":{\"model\":\"gpt\",\"messages\":[{\"role\":\"user\",\"content\":\"a\"}],\"max_tokens\":5}}\n";
    reject(
        "openai.jsonl",
        openai,
        [],
        "a conversation is at --messages body.messages",
    );
    read(
        "openai.jsonl",
        openai,
        ["--messages", "body.messages"],
        &[("1", "a")],
    )
    .says("not sent, since only the messages are: model, max_tokens;");
    let anthropic = "{\"custom_id\":\"1\",\"params\":{\"max_tokens\":5,\"system\":\"You help.\",\"messages\":[{\"role\":\"user\",\"content\":\"a\"}]}}\n";
    job(
        "anthropic.jsonl",
        anthropic,
        ["--messages", "params.messages"],
    )
    .run()
    .exits(0)
    .says("not sent, since only the messages are: max_tokens;");
    reject(
        "anthropic.jsonl",
        anthropic,
        ["--body", "params"],
        "the body has no `anthropic_version`",
    );
    reject(
        "openai.jsonl",
        openai,
        ["--body", "body"],
        "the body names a `model`, \"gpt\"",
    );
}

#[test]
fn json_that_is_none_is_named_for_what_it_is() {
    reject(
        "nan.jsonl",
        "{\"prompt\":\"a\",\"score\":NaN}\n",
        [],
        "NaN, a value that JSON does not have; write null",
    );
    reject(
        "lone.jsonl",
        "{\"prompt\":\"bad \\ud83d tail\"}\n",
        [],
        "column 16: not JSON: \\ud83d is half of a surrogate pair",
    );
    reject(
        "rows.jsonl",
        "[\"What is A?\",1]\n[\"What is B?\",2]\n",
        [],
        "each line is a list, not an object",
    );
    read(
        "pretty.jsonl",
        "{\n  \"id\": 1,\n  \"prompt\": \"a\"\n}\n{\n  \"id\": 2,\n  \"prompt\": \"b\"\n}\n",
        [],
        TWO,
    );
}

#[test]
fn line_ends_marks_and_encodings_are_read_or_named() {
    read("returns.csv", "id,prompt\r1,a\r2,b\r", [], TWO);
    read(
        "returns.jsonl",
        "{\"id\":1,\"prompt\":\"a\"}\r{\"id\":2,\"prompt\":\"b\"}\r",
        [],
        TWO,
    );
    read(
        "joined.jsonl",
        "\u{feff}{\"id\":1,\"prompt\":\"a\"}\n\u{feff}{\"id\":2,\"prompt\":\"b\"}\n",
        [],
        TWO,
    );
    let wide: Vec<u8> = "\u{feff}id,prompt\n1,a\n"
        .chars()
        .flat_map(|it| u32::from(it).to_le_bytes())
        .collect();
    reject(
        "wide.csv",
        wide,
        [],
        "run `iconv -f UTF-32 -t UTF-8 wide.csv > NEW`",
    );
}

#[test]
fn archives_and_pointers_are_read_or_named_with_what_unpacks_them() {
    reject(
        "in.jsonl.bz2",
        b"BZh91AY&SY15e",
        [],
        "a bzip2 archive; unpack it with `bzip2 -dk in.jsonl.bz2`",
    );
    reject(
        "in.jsonl.xz",
        b"\xfd7zXZ\0\0\x04\xe6",
        [],
        "an xz archive; unpack it with `xz -dk in.jsonl.xz`",
    );
    let pointer = "version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 12345\n";
    reject(
        "lfs.jsonl",
        pointer,
        [],
        "a Git LFS pointer, not the file itself; fetch it with `git lfs pull`",
    );
    let two = gzip("{\"id\":1,\"prompt\":\"a\"}\n{\"id\":2,\"prompt\":\"b\"}\n");
    reject(
        "cut.jsonl.gz",
        &two[..two.len() - 4],
        [],
        "cut short: the archive ends in the middle of line",
    );
    read("padded.jsonl.gz", [two, vec![0; 1000]].concat(), [], TWO);
}

#[test]
fn lines_are_prompts_where_the_format_says_so() {
    let lines = "What is the capital of France?\nWho wrote Hamlet, and why?\nWhat is 2+2?\n";
    reject(
        "lines.txt",
        lines,
        [],
        "give --format txt if each line is a prompt",
    );
    let rows = [
        ("1", "What is the capital of France?"),
        ("2", "Who wrote Hamlet, and why?"),
        ("3", "What is 2+2?"),
    ];
    read("lines.txt", lines, ["--format", "txt"], &rows);
}

#[test]
fn an_address_is_not_taken_for_a_path() {
    for address in [
        "s3://bucket/out.jsonl",
        "https://example.com/out.jsonl",
        "S3:/bucket/out.jsonl",
    ] {
        let out = |key: &str| {
            let other = if key == "-o" {
                ["-i", "in.csv"]
            } else {
                ["-o", "out.jsonl"]
            };
            Job::new("run")
                .file("in.csv", "prompt\na\n")
                .scenario(QUICK)
                .args(["-m", HAIKU])
                .args(other)
                .args([key, address])
        };
        let to = out("-o")
            .run()
            .exits(2)
            .says("is an address (URL), and only files of this machine can be used");
        assert!(
            !to.directory
                .path()
                .join(address.split('/').next().unwrap())
                .exists()
        );
        out("-i")
            .run()
            .exits(2)
            .says("copy the file here first")
            .sent_nothing();
    }
}

#[test]
fn no_option_that_names_a_file_takes_an_address_for_a_path() {
    let address = "https://example.com/file";
    for option in [
        ["--template-file", address],
        ["--prices", address],
        ["--scenario", address],
        ["--only", address],
    ] {
        let job = Job::new("run").file("in.csv", "prompt\na\n");
        job.args(["-i", "in.csv", "-m", HAIKU, "-o", "out.jsonl"])
            .args(["--endpoint-url", "emulator"])
            .args(option)
            .run()
            .exits(2)
            .says("an address (URL), and only files of this machine can be used")
            .says("copy the file here first");
    }
}

#[test]
fn paths_lead_into_cells_that_hold_json() {
    let csv = "meta,payload\n\"{\"\"key\"\": 12345678901234567890123}\",\"{\"\"in\"\": {\"\"text\"\": \"\"a\"\"}, \"\"n\"\": [1, 2.5]}\"\n";
    let out = read(
        "cells.csv",
        csv,
        [
            "--id",
            "meta.key",
            "--column",
            "payload.in.text",
            "--keep",
            "/payload/n/1",
            "--keep",
            "payload.n.0",
        ],
        &[("12345678901234567890123", "a")],
    );
    let kept = &out.answers()["12345678901234567890123"]["metadata"];
    assert_eq!(kept.to_string(), r#"{"/payload/n/1":2.5,"payload.n.0":1}"#);
    let chat = "id,chat\n1,\"{\"\"system\"\": \"\"s\"\", \"\"messages\"\": [{\"\"role\"\": \"\"user\"\", \"\"content\"\": \"\"a\"\"}]}\"\n";
    read(
        "chat.csv",
        chat,
        ["--messages", "chat.messages"],
        &[("1", "a")],
    );
    reject(
        "cells.csv",
        csv,
        ["--column", "payload.out"],
        "no field `payload.out`",
    );
    reject(
        "cells.csv",
        csv,
        ["--column", "load.out"],
        "`column`: no column `load.out`",
    );
}

#[test]
fn methods_of_python_work_in_templates_and_others_are_a_fault_of_the_template() {
    let row = "{\"id\":1,\"question\":\" Which? \"}\n";
    read(
        "in.jsonl",
        row,
        ["-t", "{{ question.strip().upper() }}"],
        &[("1", "WHICH?")],
    );
    reject(
        "in.jsonl",
        row,
        ["-t", "{{ question.zfill(9) }}"],
        "error: template line 1: unknown method",
    );
    let allow = "write {{ colour | default(\"\") }} or {% if colour is defined %}";
    reject("in.jsonl", row, ["-t", "{{ colour }}"], allow);
}

/// The body that a family makes of messages, or why it makes none.
fn body(family: Family, messages: &str) -> String {
    body_for(family, messages, None)
}

/// Like [`body`], for this model.
fn body_for(family: Family, messages: &str, base: Option<&str>) -> String {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("in.jsonl");
    std::fs::write(&path, format!("{{\"messages\":{messages}}}\n")).unwrap();
    let input = Input::open(&path, &ReadOptions::default()).unwrap();
    let record = input.records().unwrap().next().unwrap().unwrap().unwrap();
    let spec = PromptSpec {
        source: PromptSource::Messages("messages".into()),
        system: None,
    };
    let prompter = Prompter::new(&spec, &Fields::Seen(record.names())).unwrap();
    match prompter.prompt(&record) {
        Ok(Content::Prompt(prompt)) => match family.accepts(&prompt, base, Doubtful::Refused) {
            Ok(()) => family
                .body(&prompt, &Parameters::default(), base)
                .to_string(),
            Err(why) => why,
        },
        Ok(Content::Body(_)) => "a body".into(),
        Err(bad) => bad.reason,
    }
}

#[track_caller]
fn sends(family: Family, messages: &str, expected: &str) {
    let body = body(family, messages);
    assert!(body.contains(expected), "{messages}\n{body}");
}

/// Like [`sends`], for a model that takes system messages after the first turn.
#[track_caller]
fn later_sends(family: Family, messages: &str, expected: &str) {
    let body = body_for(family, messages, Some("anthropic.claude-opus-4-8"));
    assert!(body.contains(expected), "{messages}\n{body}");
}

#[test]
fn blocks_are_sent_as_they_stand_or_rejected_by_name() {
    let cached = r#"[{"role":"system","content":[{"type":"text","text":"rules","cache_control":{"type":"ephemeral"}},{"type":"text","text":"today"}]},{"role":"user","content":[{"type":"text","text":"DOC","cache_control":{"type":"ephemeral"}},{"type":"text","text":"Question?"}]}]"#;
    sends(
        Family::ClaudeMessages,
        cached,
        r#""system":[{"type":"text","text":"rules","cache_control":{"type":"ephemeral"}},{"type":"text","text":"today"}],"messages":[{"role":"user","content":[{"type":"text","text":"DOC","cache_control":{"type":"ephemeral"}},{"type":"text","text":"Question?"}]}]"#,
    );
    sends(
        Family::Nova,
        cached,
        "`cache_control` in the form of the Anthropic API, and nova takes the form of the Amazon API",
    );
    sends(
        Family::Llama3,
        cached,
        "llama3 has no place for `cache_control`",
    );
    let two = r#"[{"role":"user","content":[{"text":"a"},{"type":"text","text":"b"}]}]"#;
    sends(
        Family::ClaudeMessages,
        two,
        r#""content":[{"type":"text","text":"a"},{"type":"text","text":"b"}]"#,
    );
    sends(
        Family::Nova,
        two,
        r#""content":[{"text":"a"},{"text":"b"}]"#,
    );
    sends(
        Family::Llama3,
        two,
        "llama3 has no place for several blocks in one message",
    );
    let apart = r#"[{"role":"user","content":[{"type":"text","text":"85 kg, "},{"type":"text","text":"tubeless"}]}]"#;
    sends(
        Family::ClaudeMessages,
        apart,
        r#""content":"85 kg, tubeless""#,
    );
    sends(Family::Llama3, apart, "85 kg, tubeless<|eot_id|>");
    let one = r#"[{"role":"user","content":[{"type":"text","text":"a"}]}]"#;
    sends(Family::ClaudeMessages, one, r#""content":"a""#);
    sends(Family::Llama3, one, "a<|eot_id|>");
}

#[test]
fn later_system_messages_keep_their_blocks_or_are_rejected_by_name() {
    let later = r#"[{"role":"user","content":"q"},{"role":"assistant","content":"a"},{"role":"system","content":[{"type":"text","text":"be brief","cache_control":{"type":"ephemeral"}},{"type":"text","text":"be kind"}]},{"role":"user","content":"q"}]"#;
    later_sends(
        Family::ClaudeMessages,
        later,
        r#"{"role":"system","content":[{"type":"text","text":"be brief","cache_control":{"type":"ephemeral"}},{"type":"text","text":"be kind"}]}"#,
    );
    sends(
        Family::OpenaiChat,
        later,
        "`cache_control` in the form of the Anthropic API",
    );
    let later = later.replace(r#","cache_control":{"type":"ephemeral"}"#, "");
    for family in [Family::ClaudeMessages, Family::OpenaiChat] {
        later_sends(
            family,
            &later,
            r#"{"role":"system","content":[{"type":"text","text":"be brief"},{"type":"text","text":"be kind"}]}"#,
        );
    }
    sends(
        Family::ClaudeMessages,
        &later,
        "takes no system message after the first turn",
    );
}

#[test]
fn documents_tools_and_addresses_are_named_for_what_they_are() {
    let pdf = r#"[{"role":"user","content":[{"type":"document","source":{"type":"base64","media_type":"application/pdf","data":"JVBERi0xLjQK"}},{"type":"text","text":"sum?"}]}]"#;
    sends(
        Family::ClaudeMessages,
        pdf,
        r#"{"type":"document","source":{"type":"base64","media_type":"application/pdf","data":"JVBERi0xLjQK"}},{"type":"text","text":"sum?"}"#,
    );
    sends(
        Family::OpenaiChat,
        pdf,
        "a document in the form of the Anthropic API",
    );
    let url = r#"[{"role":"user","content":[{"type":"image","source":{"type":"url","url":"https://example.com/a.png"}},{"type":"text","text":"what?"}]}]"#;
    sends(
        Family::ClaudeMessages,
        url,
        "an image by its address (URL), which Bedrock does not fetch",
    );
    let tools = r#"[{"role":"user","content":"q"},{"role":"assistant","content":null,"tool_calls":[{"id":"c1","type":"function","function":{"name":"f","arguments":"{}"}}]},{"role":"tool","tool_call_id":"c1","content":"42"}]"#;
    sends(
        Family::OpenaiChat,
        tools,
        r#"{"role":"assistant","content":null,"tool_calls":[{"id":"c1","type":"function","function":{"name":"f","arguments":"{}"}}]},{"role":"tool","content":"42","tool_call_id":"c1"}"#,
    );
    sends(
        Family::ClaudeMessages,
        tools,
        "tool calls in the form of the OpenAI API, and claude-messages takes the form of the Anthropic API",
    );
    let named = r#"[{"role":"user","content":"q","name":"bob"}]"#;
    sends(
        Family::OpenaiChat,
        named,
        r#"{"role":"user","content":"q","name":"bob"}"#,
    );
    sends(Family::Nova, named, "`name` in the form of the OpenAI API");
    let weighed = r#"[{"role":"user","content":"q","weight":0}]"#;
    for family in [Family::OpenaiChat, Family::ClaudeMessages, Family::Llama3] {
        sends(
            family,
            weighed,
            "message 1: `weight` is not a key of messages",
        );
    }
    let detailed = r#"[{"role":"user","content":[{"type":"image_url","image_url":{"url":"data:image/png;base64,aQ==","detail":"low"}},{"type":"text","text":"what?"}]}]"#;
    sends(
        Family::OpenaiChat,
        detailed,
        r#"{"type":"image_url","image_url":{"url":"data:image/png;base64,aQ==","detail":"low"}}"#,
    );
    sends(
        Family::ClaudeMessages,
        detailed,
        "`detail` of an image in the form of the OpenAI API",
    );
    let stored = r#"[{"role":"user","content":[{"image":{"format":"png","source":{"s3Location":{"uri":"s3://b/a.png"}}}},{"text":"what?"}]}]"#;
    sends(
        Family::Nova,
        stored,
        r#""source":{"s3Location":{"uri":"s3://b/a.png"}}"#,
    );
    sends(
        Family::ClaudeMessages,
        stored,
        "an image in S3 in the form of the Amazon API",
    );
    let used = r#"[{"role":"user","content":"q"},{"role":"assistant","content":[{"type":"tool_use","id":"t","name":"f","input":{"n":12345678901234567890123}}]},{"role":"user","content":[{"type":"tool_result","tool_use_id":"t","content":"42"}]}]"#;
    sends(
        Family::ClaudeMessages,
        used,
        r#"{"type":"tool_result","tool_use_id":"t","content":"42"}"#,
    );
}

#[test]
fn a_plan_counts_rows_that_would_send_the_same_request() {
    let plan = |rows: &str| {
        let job = Job::new("plan").file("in.csv", rows);
        job.args(["-i", "in.csv", "-m", HAIKU, "-o", "out.jsonl"])
            .run()
            .exits(0)
    };
    let same = "2 rows would send the same request as an earlier row";
    let out = plan("id,prompt\n1,a\n2,b\n3,a\n4,a\n");
    assert!(out.stdout.contains(same), "{}", out.stdout);
    let out = plan("id,prompt\n1,a\n2,b\n");
    assert!(!out.stdout.contains("same request"), "{}", out.stdout);
}

#[test]
fn conversations_of_sharegpt_are_read() {
    let turns = r#"[{"from":"human","value":"Hi"},{"from":"gpt","value":"Hello"},{"from":"human","value":"2+2?"}]"#;
    sends(
        Family::ClaudeMessages,
        turns,
        r#""messages":[{"role":"user","content":"Hi"},{"role":"assistant","content":"Hello"},{"role":"user","content":"2+2?"}]"#,
    );
    sends(
        Family::ClaudeMessages,
        r#"[{"from":"oracle","value":"Hi"}]"#,
        "unknown speaker `oracle` in `from`",
    );
    sends(
        Family::ClaudeMessages,
        r#"[{"speaker":"a","text":"Hi"}]"#,
        "no role; roles: system, user, assistant, tool; keys here: speaker, text",
    );
}
