//! Fingerprints by their values, which outputs on disk hold.

use super::*;
use crate::input::{Input, ReadOptions};
use crate::job::JobFile;
use crate::rows::RowMaker;
use crate::rows::standing::identity;

const HAIKU: &str = "us.anthropic.claude-haiku-4-5-20251001-v1:0";
const NOVA: &str = "amazon.nova-lite-v1:0";

fn plan(input: &std::path::Path, model: &str, job: &str) -> Plan {
    let input = Value::from(input.to_str().unwrap());
    let id = match job.contains("[model") {
        true => job.replacen("[model]", &format!("[model]\nid = \"{model}\""), 1),
        false => format!("{job}\n[model]\nid = \"{model}\"\n"),
    };
    let text = format!("[input]\npath = {input}\n[output]\npath = \"out.jsonl\"\n{id}");
    let job: JobFile = toml::from_str(&text).expect(&text);
    let today = jiff::civil::date(2026, 11, 22);
    Plan::new(job, None, today, |_| None).expect("a good job")
}

/// The fingerprints of a job and of its one row, as they are written to an output.
#[track_caller]
fn check(model: &str, job: &str, row: &str, row_print: &str, job_print: &str) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("rows.jsonl");
    std::fs::write(&path, row).unwrap();
    let plan = plan(&path, model, job);
    let input = Input::open(&path, &ReadOptions::default()).unwrap();
    let maker = RowMaker::new(&plan, &input).unwrap();
    let row = maker.rows(&input).unwrap().next().unwrap().unwrap();
    let of_row = identity(&row).fingerprint.map(|print| print.to_string());
    let found = (of_row.unwrap_or_default(), plan.fingerprint().to_string());
    assert_eq!(found, (row_print.to_owned(), job_print.to_owned()), "{job}");
}

#[test]
fn fingerprints_of_prompts_stay_the_same() {
    check(
        HAIKU,
        "[prompt]\ntemplate = \"\"\"\nLabel \\\"this\\\": {{ text | upper }}\"\"\"\n\
         system = \"It's\\tone\\nword \\\\ \\u00e9\\u0301\\u200b\\u0000.\"\n\
         [model]\nmax_tokens = 64\ntemperature = 0.0",
        r#"{"id":"a","text":"naïve 日本"}"#,
        "af5c8a3124075078",
        "a77d3285d72821e5",
    );
    check(
        NOVA,
        "",
        r#"{"id":"a","prompt":"Name a river."}"#,
        "73482f8e19fc2859",
        "cdda2d02aa6a44ec",
    );
    check(
        NOVA,
        "[prompt]\ncolumn = \"a \\\"text\\\"\"\n[model]\ntop_p = 0.9\ntemperature = 1.0",
        r#"{"a \"text\"":12.50}"#,
        "32405d5cdcc9d81d",
        "3687f562e5110170",
    );
    check(
        HAIKU,
        "[prompt]\nmessages = \"turns\"\n[model]\ntop_k = 40",
        r#"{"turns":[{"role":"system","content":"Be terse."},{"role":"user","content":[{"type":"image","source":{"type":"base64","media_type":"image/png","data":"iVBORw0KGgo="}},{"type":"text","text":"What is this?"}]}]}"#,
        "0f693d662aa077ac",
        "21ae38714a3ccdb1",
    );
    check(
        "cohere.embed-english-v3",
        "[prompt]\ntexts = \"parts\"\n[model.extra]\ninput_type = \"search_document\"\n[model]",
        r#"{"parts":["one","two"]}"#,
        "535b457e798defb1",
        "6396efeb7b3a7c3c",
    );
    check(
        HAIKU,
        "[prompt]\nbody = \"modelInput\"\n[model]\nforce = true",
        r#"{"recordId":"r1","modelInput":{"max_tokens":32,"messages":[{"content":"Hi","role":"user"}],"x":[1.50,1e3,null]}}"#,
        "5708fe46409c76e9",
        "c8c7c0559484057e",
    );
    check(
        NOVA,
        "",
        r#"{"id":"empty","prompt":" "}"#,
        "",
        "cdda2d02aa6a44ec",
    );
}

#[test]
fn fingerprints_of_parameters_stay_the_same() {
    const ROW: &str = r#"{"id":"a","prompt":"Name a river."}"#;
    let check = |model: &str, job: &str, row_print: &str, job_print: &str| {
        check(model, job, ROW, row_print, job_print);
    };
    check(
        NOVA,
        "[model]\nguardrail = \"abcd1234efgh\"\nguardrail_version = \"3\"\ntrace = \"enabled_full\"",
        "c5937f84e2c9c148",
        "51eead8f02bc5295",
    );
    check(
        NOVA,
        "[model]\nguardrail = \"arn:aws:bedrock:us-east-1:123456789012:guardrail/\\\"a\\\\b\\u00e9'\"\n\
         guardrail_version = \"DRAFT\"",
        "99a68c70adf739fb",
        "96dd44820561c805",
    );
    check(
        "us.amazon.nova-2-lite-v1:0",
        "[model]\nservice_tier = \"flex\"\nlatency = \"standard\"",
        "eb7231b113b2dbae",
        "a0bd1b31f3dff2c7",
    );
    check(
        HAIKU,
        "[model]\nstop = [\"\\n\\nHuman:\", \"\\\"END\\\"\", \"it's \\\\\"]\ntop_k = 40\ntemperature = 1e-7",
        "87f9161fbe8c2cc6",
        "a0d1da89b5d3f2ff",
    );
    check(
        HAIKU,
        "[model.extra]\nthinking = { type = \"disabled\" }\n\
         metadata = { user_id = \"it's \\\"me\\\"\", \"a.b\" = [] }\n\
         x = [true, [], {}, -1, 2.5, 1e300, 9007199254740993, { y = { z = [\"\\u0007\"] } }]\n[model]",
        "49e50549da207b42",
        "53ed361a14df67db",
    );
    check(
        "openai.gpt-oss-20b-1:0",
        "[model]\nrequest_metadata = { team = \"eu\" }\ntop_p = 1.0",
        "38d3ef833efeeb66",
        "e99e66357096fa37",
    );
    check(
        HAIKU,
        "[prompt]\nsystem = \"Be terse.\"\ncache = true\n[model]\nmax_tokens = 20",
        "b5a365ec0778ca7a",
        "e8b9abfbc45596b0",
    );
    check(
        "arn:aws:bedrock:us-east-1:123456789012:application-inference-profile/a1b2c3d4e5f6",
        "[model]\nfamily = \"llama3\"\nmax_tokens = 50",
        "fba4f44c75737555",
        "c141e4ea55433ebb",
    );
    check(
        NOVA,
        "[model]\nstream = true",
        "73482f8e19fc2859",
        "9a087aed27d736c2",
    );
    check(
        "openai.gpt-oss-20b-1:0",
        "[model]\nstream = true",
        "e2ffabeb8a1fb65f",
        "c64ed38a7cd65327",
    );
    check(
        NOVA,
        "[model]\ncontent_type = \"application/x-json\"\naccept = \"*/*\"",
        "37d52b1ebbf36f77",
        "043ec8240dbfe76b",
    );
    check(
        "amazon.nova-canvas-v1:0",
        "",
        "a57ee7ea1b4067d1",
        "bcc350788c205709",
    );
}

#[test]
fn every_family_keeps_its_name_in_the_fingerprint_of_a_job() {
    let mut hash = Sha256::new();
    let file = std::path::Path::new("rows.jsonl");
    let plan = plan(file, NOVA, "");
    for family in Family::ALL {
        let plan = Plan {
            family: *family,
            ..plan.clone()
        };
        hash.update(format!("{} {}\n", family.name(), plan.fingerprint()));
    }
    assert_eq!(first_bytes(hash).to_string(), "3ba3fed5e83c80d6");
}
