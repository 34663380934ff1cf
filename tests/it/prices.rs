//! What is billed by the piece, from the catalog to the record, the plan and the budget.

use serde_json::Value;

use crate::harness::{Job, Out, QUICK};

const CANVAS: &str = "amazon.nova-canvas-v1:0";

fn job(verb: &str, model: &str, rows: &str, flags: &[&str]) -> Job {
    let job = Job::new(verb)
        .file("rows.jsonl", rows)
        .scenario(QUICK)
        .args(["-i", "rows.jsonl", "-o", "out.jsonl", "-m", model]);
    flags.iter().fold(job, |job, flag| job.args([flag]))
}

/// What the one row cost.
#[track_caller]
fn check(model: &str, row: &str, flags: &[&str], usd: Option<f64>) {
    let out = job("run", model, row, flags).run().exits(0);
    let line = &out.answers()["1"];
    assert_eq!(line["cost_usd"].as_f64(), usd, "{model}");
}

#[test]
fn images_searches_and_shown_images_cost_what_the_catalog_says() {
    let moon = r#"{"prompt":"a moon"}"#;
    let two = r#"{"imageGenerationConfig":{"numberOfImages":2}}"#;
    check(CANVAS, moon, &["--extra", two], Some(0.12));
    check("stability.stable-image-core-v1:1", moon, &[], Some(0.04));
    check("stability.stable-diffusion-xl-v1", moon, &[], None);
    let ranked = r#"{"t":["which moon?","Io","Rhea"]}"#;
    check(
        "cohere.rerank-v3-5:0",
        ranked,
        &["--texts", "t"],
        Some(0.002),
    );
    check("amazon.rerank-v1:0", ranked, &["--texts", "t"], Some(0.001));
    check(
        "us.twelvelabs.marengo-embed-3-0-v1:0",
        moon,
        &[],
        Some(7e-5),
    );
    // An image, and the seven tokens that the emulator counts at $0.0008 per 1,000.
    let shown = r#"{"b":{"inputImage":"iVBORw0KGgo="}}"#;
    let body = ["--body", "b"];
    check("amazon.titan-embed-image-v1", shown, &body, Some(6.56e-5));
}

#[test]
fn embeddings_of_text_cost_their_tokens() {
    let row = r#"{"prompt":"a moon"}"#;
    for (model, usd_per_1k) in [
        ("amazon.titan-embed-text-v2:0", 2e-5),
        ("amazon.titan-embed-image-v1", 8e-4),
        ("cohere.embed-v4:0", 1.2e-4),
        ("amazon.nova-2-multimodal-embeddings-v1:0", 1.35e-4),
    ] {
        let out = job("run", model, row, &[]).run().exits(0);
        let line = &out.answers()["1"];
        let tokens = line["usage"]["input_tokens"].as_f64().expect(model);
        assert!(0.0 < tokens, "{model}");
        let usd = (tokens / 1000.0 * usd_per_1k * 1e10).round() / 1e10;
        assert_eq!(line["cost_usd"].as_f64(), Some(usd), "{model}");
    }
}

#[test]
fn a_plan_knows_what_images_cost() {
    let rows = "{\"prompt\":\"a moon\"}\n{\"prompt\":\"a star\"}\n";
    let plan = job("plan", CANVAS, rows, &["--json"]).run().exits(0);
    let plan: Value = serde_json::from_str(&plan.stdout).unwrap();
    let cost = &plan["cost_usd"]["on_demand"];
    for case in ["low", "expected", "worst"] {
        assert_eq!(cost[case], 0.12, "{cost}");
    }
    assert_eq!(plan["cost_usd"]["batch"]["expected"], Value::Null);
}

#[test]
fn a_budget_counts_images_before_they_are_made() {
    let rows = "{\"prompt\":\"a moon\"}\n".repeat(5);
    let out = job("run", CANVAS, &rows, &["--max-cost", "0.2"])
        .run()
        .exits(8);
    assert_eq!(out.answers().len(), 3);
    assert_eq!(spent(&out), Some(0.18));
}

#[test]
fn an_image_of_unknown_price_refuses_a_budget_until_it_has_one() {
    let sdxl = "stability.stable-diffusion-xl-v1";
    let row = r#"{"prompt":"a moon"}"#;
    job("run", sdxl, row, &["--max-cost", "1"])
        .run()
        .exits(2)
        .says("the price of `stability.stable-diffusion-xl-v1` is not known")
        .says("with --prices")
        .sent_nothing();
    let out = job(
        "run",
        sdxl,
        row,
        &["--max-cost", "1", "--prices", "mine.toml"],
    )
    .file("mine.toml", format!("[\"{sdxl}\"]\nusd_per_image = 0.5\n"))
    .run()
    .exits(0);
    assert_eq!(spent(&out), Some(0.5));
}

#[test]
fn a_row_whose_cost_nobody_knows_is_refused_where_the_cost_is_limited() {
    let row = r#"{"b":{"taskType":"SINGLE_EMBEDDING","singleEmbeddingParams":{"embeddingPurpose":"GENERIC_INDEX","video":{"format":"mp4"}}}}"#;
    let flags = ["--body", "b", "--max-cost", "1"];
    job(
        "run",
        "amazon.nova-2-multimodal-embeddings-v1:0",
        row,
        &flags,
    )
    .run()
    .exits(2)
    .says("row 1: it holds input without a known price, such as video or audio")
    .sent_nothing();
}

fn spent(out: &Out) -> Option<f64> {
    out.run_file()["total"]["cost_usd"].as_f64()
}
