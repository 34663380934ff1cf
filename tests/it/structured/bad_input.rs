//! Schemas and jobs that cannot be used: each is rejected before anything is sent, with its place and with
//! what to do.

use serde_json::{Value, json};

use super::{LABEL, rows};
use crate::harness::Job;

const HAIKU: &str = "us.anthropic.claude-haiku-4-5-20251001-v1:0";
const NOVA: &str = "us.amazon.nova-lite-v1:0";
const LEAVE_MODE: &str = "leave `mode` out to choose the strictest that can";

/// An input that is rejected.
struct Bad {
    schema: String,
    model: &'static str,
    args: Vec<&'static str>,
    /// Where the message says it is: the key, the file, the place in it.
    place: &'static str,
    /// What is wrong.
    what: &'static str,
    /// What to do.
    remedy: &'static str,
}

/// A schema that is rejected for Claude, in this mode.
fn bad(
    mode: &'static str,
    schema: impl ToString,
    place: &'static str,
    what: &'static str,
    remedy: &'static str,
) -> Bad {
    Bad {
        schema: schema.to_string(),
        model: HAIKU,
        args: vec!["--schema-mode", mode],
        place,
        what,
        remedy,
    }
}

/// A setting that is rejected beside a good schema.
fn set(
    args: &[&'static str],
    place: &'static str,
    what: &'static str,
    remedy: &'static str,
) -> Bad {
    Bad {
        args: args.to_vec(),
        ..bad("auto", LABEL, place, what, remedy)
    }
}

/// A model or a mode that a good schema cannot be used with.
fn of_model(
    model: &'static str,
    mode: &'static str,
    place: &'static str,
    what: &'static str,
    remedy: &'static str,
) -> Bad {
    Bad {
        model,
        ..bad(mode, LABEL, place, what, remedy)
    }
}

/// Runs it, and plans it, in a directory of its own.
#[track_caller]
fn check(bad: &Bad) {
    let Bad {
        schema,
        model,
        args,
        place,
        what,
        remedy,
    } = bad;
    for verb in ["run", "plan"] {
        let job = Job::new(verb)
            .file("prompts.csv", rows(1))
            .file("schema.json", schema)
            .args(["-i", "prompts.csv", "-o", "out.jsonl", "-t", "{{ text }}"])
            .args(["--schema", "schema.json", "--endpoint-url", "emulator"])
            .args(["-m", model]);
        let out = args.iter().fold(job, |job, arg| job.args([*arg])).run();
        let said = &out.stderr;
        assert_eq!(out.code, Some(2), "{verb} {schema} {args:?}: {said}");
        for part in [place, what, remedy] {
            assert!(
                said.contains(part),
                "{verb} {schema} {args:?}: {part} is not in {said}"
            );
        }
        let is_there = |name: &str| out.directory.path().join(name).exists();
        assert!(
            !is_there("out.jsonl") && !is_there("out.failed.jsonl"),
            "{schema}: nothing was sent"
        );
    }
}

fn object(properties: Value) -> Value {
    json!({"type": "object", "properties": properties})
}

#[test]
fn what_is_no_schema_is_rejected() {
    let remote = object(json!({"a": {"$ref": "https://example.com/a.json"}}));
    let named_like_a_keyword = object(json!({"default": {"$ref": "other.json"}}));
    for bad in [
        bad(
            "auto",
            "{\"type\":",
            "`schema.path`: schema.json: ",
            "not JSON: EOF while parsing a value at line 1",
            "check it with `jq .`",
        ),
        bad(
            "auto",
            "[1]",
            "`schema.path`: schema.json: ",
            "a JSON Schema is an object, not a list",
            "write {\"type\": \"object\", …}",
        ),
        bad(
            "auto",
            json!({"type": "strng"}),
            "schema.json: not a valid JSON Schema: /type",
            "\"strng\" is not valid",
            "correct it there, or name the draft",
        ),
        bad(
            "auto",
            json!({"type": "object", "properties": {"a": {"minimum": "1"}}}),
            "schema.json: not a valid JSON Schema: /properties/a/minimum",
            "\"1\" is not of type \"number\"",
            "correct it there",
        ),
        bad(
            "auto",
            remote,
            "schema.json: /properties/a/$ref: ",
            "`https://example.com/a.json` is another document",
            "copy what it defines into `$defs`",
        ),
        bad(
            "auto",
            named_like_a_keyword,
            "schema.json: /properties/default/$ref: ",
            "`other.json` is another document",
            "copy what it defines into `$defs`",
        ),
        bad(
            "auto",
            "{}",
            "`schema.path`: schema.json: ",
            "the schema asks for nothing: any value is valid",
            "give it `properties`",
        ),
        bad(
            "auto",
            json!({"type": "object"}),
            "`schema.path`: schema.json: ",
            "it is an object without properties",
            "give it `properties`",
        ),
    ] {
        check(&bad);
    }
}

#[test]
fn a_schema_that_its_mode_cannot_send_is_rejected() {
    let node = object(json!({"n": {"$ref": "#/$defs/n"}}));
    let mut recursive = object(json!({"a": {"$ref": "#/$defs/n"}}));
    recursive["$defs"] = json!({"n": node});
    let list = json!({"type": "array", "items": {"type": "string"}});
    let many = object(
        (0..25)
            .map(|n| (format!("p{n}"), json!({"type": "string"})))
            .collect(),
    );
    let mut unions = object(
        (0..17)
            .map(|n| (format!("p{n}"), json!({"type": ["string", "null"]})))
            .collect(),
    );
    unions["required"] = (0..17).map(|n| format!("p{n}")).collect();
    let open = object(json!({"a": {"type": "object", "additionalProperties": {}}}));
    for bad in [
        bad(
            "native",
            recursive,
            "`schema.mode`: mode \"native\"",
            "it is recursive, through \"#/$defs/n\"",
            LEAVE_MODE,
        ),
        bad(
            "native",
            &list,
            "`schema.mode`: mode \"native\"",
            "the top level is not an object",
            "put the value into a property of one",
        ),
        bad(
            "tool",
            &list,
            "`schema.mode`: mode \"tool\"",
            "the input of a tool is an object, and the top level of the schema is not",
            LEAVE_MODE,
        ),
        bad(
            "native",
            many,
            "`schema.mode`: mode \"native\"",
            "25 optional properties, and the service takes 24",
            "make them required",
        ),
        bad(
            "native",
            unions,
            "`schema.mode`: mode \"native\"",
            "17 properties with several types, and the service takes 16",
            "allow an empty text in place of null",
        ),
        bad(
            "native",
            open,
            "/properties/a/additionalProperties: ",
            "objects with keys of any name",
            "use a list of objects with a name and a value",
        ),
    ] {
        check(&bad);
    }
}

#[test]
fn a_model_that_cannot_follow_the_schema_is_rejected() {
    for bad in [
        of_model(
            "us.anthropic.claude-opus-5",
            "native",
            "`schema.mode`: mode \"native\"",
            "anthropic.claude-opus-5 does not have it, as far as the catalog knows",
            LEAVE_MODE,
        ),
        of_model(
            NOVA,
            "native",
            "`schema.mode`: mode \"native\"",
            "the request format of amazon.nova-lite-v1:0 has no place for it",
            LEAVE_MODE,
        ),
        of_model(
            "us.meta.llama3-3-70b-instruct-v1:0",
            "tool",
            "`schema.mode`: mode \"tool\"",
            "has no place for it",
            LEAVE_MODE,
        ),
        of_model(
            "amazon.titan-embed-text-v2:0",
            "auto",
            "`schema.path`: ",
            "titan-embed-text writes no text",
            "leave [schema] out",
        ),
        of_model(
            "amazon.nova-canvas-v1:0",
            "auto",
            "`schema.path`: ",
            "amazon-image writes no text",
            "leave [schema] out",
        ),
        of_model(
            "cohere.rerank-v3-5:0",
            "auto",
            "`schema.path`: ",
            "rerank writes no text",
            "leave [schema] out",
        ),
    ] {
        check(&bad);
    }
}

#[test]
fn settings_that_contradict_a_schema_are_rejected() {
    let thinking = r#"{"thinking": {"type": "enabled", "budget_tokens": 1024}}"#;
    for bad in [
        set(
            &["--schema-mode", "strict"],
            "`schema.mode`: ",
            "\"strict\" is not one of",
            "auto, native, tool, prompt",
        ),
        set(
            &["--reasks", "4"],
            "`schema.reasks`: ",
            "4 corrections a row",
            "at most 3 are made",
        ),
        set(
            &["--schema-name", "a b"],
            "`schema.name`: ",
            "\"a b\" is not",
            "1 to 64 letters, digits, _ or -",
        ),
        set(
            &["--schema-json", "{}"],
            "`schema.path`: ",
            "`path` and `json` both give the schema",
            "keep one of them",
        ),
        set(
            &["--extra", "{\"tools\": []}"],
            "`model.extra`: ",
            "extra.tools and [schema] exclude each other",
            "remove one of them",
        ),
        set(
            &["--schema-mode", "tool", "--extra", thinking],
            "`schema.mode`: ",
            "a tool cannot be forced while the model thinks",
            "take `thinking` out of extra",
        ),
    ] {
        check(&bad);
    }
}

#[test]
fn rows_that_bring_their_bodies_take_no_schema() {
    for verb in ["run", "plan"] {
        Job::new(verb)
            .file("bodies.jsonl", "{\"body\": {\"messages\": []}}\n")
            .file("schema.json", LABEL)
            .args(["-i", "bodies.jsonl", "-o", "out.jsonl", "--body", "body"])
            .args(["--endpoint-url", "emulator", "--schema", "schema.json"])
            .args(["-m", NOVA])
            .run()
            .exits(2)
            .says("`schema`: bodies are sent as they are; write it into the bodies");
    }
}
