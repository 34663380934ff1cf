//! The library's door, used as a program would use it.

use promptmill::{Error, Existing, Job, JobEvent, RowStatus, RunOptions};
use tempfile::TempDir;

use crate::harness::{NOVA, QUICK, repository};

const ROWS: &str = "id,text\na,one\nb,two\nc,three\n";

/// A job over [`ROWS`] in a directory of its own, on a quick emulator.
fn job(place: &TempDir) -> Job {
    let path = |name: &str| place.path().join(name).to_str().unwrap().to_owned();
    std::fs::write(path("rows.csv"), ROWS).unwrap();
    std::fs::write(path("scenario.toml"), QUICK).unwrap();
    let set = |job: Job, key: &str, value: String| job.set(key, value).unwrap();
    let job = set(Job::new(), "input.path", path("rows.csv"));
    let job = set(job, "model.id", NOVA.into());
    let job = set(job, "model.endpoint", "emulator".into());
    let job = set(job, "emulator.scenario", path("scenario.toml"));
    let job = set(job, "prompt.template", "{{ text }}".into());
    set(job, "output.path", path("out.jsonl"))
}

/// The example of `src/lib.rs`, word for word.
async fn label(folder: &str) -> Result<(), Error> {
    let job = Job::from_file("jobs/quickstart.toml")?
        .set("model.max_tokens", 32)?
        .set("output.path", format!("{folder}/labels.jsonl"))?;
    let options = RunOptions::default();

    let plan = job.plan(&options).await?;
    println!(
        "{} calls, about ${:.4}",
        plan.calls,
        plan.cost_usd.expected.unwrap_or(0.0)
    );

    let summary = job
        .run(&options, |event| {
            if let JobEvent::Row(row) = event {
                println!(
                    "{}: {:?} {}",
                    row.row,
                    row.status,
                    row.completion.unwrap_or("")
                );
            }
        })
        .await?;
    println!("{summary}");
    assert_eq!(summary.succeeded, 24);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn the_example_of_the_documentation_runs() {
    let place = TempDir::new().unwrap();
    label(place.path().to_str().unwrap()).await.unwrap();
    let shown = std::fs::read_to_string(repository().join("src/lib.rs")).unwrap();
    let shown: Vec<_> = shown
        .lines()
        .filter_map(|line| line.strip_prefix("//!"))
        .map(|line| line.strip_prefix(' ').unwrap_or(line))
        .collect();
    let start = shown.iter().position(|line| line.starts_with("async fn"));
    let example = &shown[start.unwrap()..];
    let end = example.iter().position(|line| line.starts_with("```"));
    let example = &example[..end.unwrap()];
    let here = std::fs::read_to_string(repository().join("tests/it/library.rs")).unwrap();
    let here: Vec<_> = here.lines().collect();
    assert!(5 < example.len());
    let is_here = here.windows(example.len()).any(|lines| lines == example);
    assert!(is_here, "src/lib.rs shows other code:\n{example:#?}");
}

#[tokio::test]
async fn a_job_is_planned_run_and_resumed_on_a_runtime_of_one_thread() {
    let place = TempDir::new().unwrap();
    let job = job(&place);
    let options = RunOptions::default();
    let plan = job.plan(&options).await.unwrap();
    assert_eq!((plan.rows, plan.rows_left, plan.calls), (3, 3, 3));
    assert_eq!(plan.rejections, [""; 0]);
    assert!(
        plan.cost_usd.low < plan.cost_usd.worst,
        "{:?}",
        plan.cost_usd
    );

    let mut started = None;
    let mut seen = Vec::new();
    let mut notes = Vec::new();
    let summary = job
        .run(&options, |event| match event {
            JobEvent::Started { rows } => started = Some(rows),
            JobEvent::Row(row) => {
                assert!(row.completion.unwrap().starts_with("[emulated "));
                seen.push((row.custom_id.unwrap().to_owned(), row.status));
            }
            JobEvent::Note(note) => notes.push(note.to_owned()),
            JobEvent::Warning(_) | JobEvent::Progress(_) | _ => {}
        })
        .await
        .unwrap();
    seen.sort_by(|a, b| a.0.cmp(&b.0));
    assert_eq!(started, Some(3));
    let all = ["a", "b", "c"].map(|id| (id.to_owned(), RowStatus::Succeeded));
    assert_eq!(seen, all);
    assert!(
        notes.iter().any(|note| note.contains("emulator")),
        "{notes:?}"
    );
    assert_eq!(
        (summary.succeeded, summary.failed, summary.remaining),
        (3, 0, 0)
    );
    assert_eq!(summary.exit.code(), 0);
    let lines = std::fs::read_to_string(&summary.output).unwrap();
    assert_eq!(lines.lines().count(), 3);
    let run_file: serde_json::Value = serde_json::from_str(summary.json()).unwrap();
    let command = run_file["command"].as_str().unwrap();
    assert!(
        command.starts_with("promptmill run --endpoint-url=emulator --input="),
        "{command}"
    );

    let mut rows = 0;
    let again = job
        .run(&options, |event| {
            rows += u64::from(matches!(event, JobEvent::Row(_)))
        })
        .await
        .unwrap();
    assert_eq!((again.succeeded, rows), (3, 0));
    assert_eq!(std::fs::read_to_string(&summary.output).unwrap(), lines);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_rejects_what_a_plan_rejects() {
    let place = TempDir::new().unwrap();
    let job = job(&place);
    let options = RunOptions::default();
    job.run(&options, |_| {}).await.unwrap();
    let path = place.path().join("rows.jsonl");
    std::fs::write(&path, "{\"text\":\"one\"}\n").unwrap();
    let input = path.to_str().unwrap();
    let changed = job
        .clone()
        .set("prompt.template", "New: {{ text }}")
        .unwrap();
    let over_input = job.clone().set("input.path", input).unwrap();
    let over_input = over_input.set("output.path", input).unwrap();
    let bad_scenario = job
        .clone()
        .set("emulator.scenario", "missing.toml")
        .unwrap();
    for job in [changed, over_input, bad_scenario] {
        let rejections = job.plan(&options).await.unwrap().rejections;
        let error = job.run(&options, |_| {}).await.unwrap_err();
        assert!(
            rejections.contains(&error.to_string()),
            "{error}\n{rejections:#?}"
        );
        assert_eq!(error.exit().code(), 2, "{error}");
    }
    assert_eq!(
        std::fs::read_to_string(&path).unwrap(),
        "{\"text\":\"one\"}\n"
    );
    let mut options = RunOptions::default();
    options.existing = Existing::Fresh;
    options.limit = Some(2);
    let fresh = job.run(&options, |_| {}).await.unwrap();
    assert_eq!(fresh.succeeded, 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stopped_run_leaves_its_rows_to_the_next() {
    let place = TempDir::new().unwrap();
    let job = job(&place).set("limits.concurrency", 1).unwrap();
    let options = RunOptions::default();
    let stop = options.stop.clone();
    let summary = job
        .run(&options, |event| {
            if matches!(event, JobEvent::Row(_)) {
                stop.stop();
            }
        })
        .await
        .unwrap();
    assert_eq!(summary.succeeded + summary.remaining, 3);
    assert!(0 < summary.remaining, "{summary}");
    assert_eq!(summary.exit.code(), 75, "{summary}");
    let rest = job.run(&RunOptions::default(), |_| {}).await.unwrap();
    assert_eq!((rest.succeeded, rest.remaining), (3, 0));
}

#[tokio::test]
async fn each_run_of_a_process_has_an_id_of_its_own() {
    let place = TempDir::new().unwrap();
    let mut options = RunOptions::default();
    options.existing = Existing::Fresh;
    let mut ids = std::collections::HashSet::new();
    for _ in 0..2 {
        job(&place).run(&options, |_| {}).await.unwrap();
        let file = std::fs::read(place.path().join("out.run.json")).unwrap();
        let file: serde_json::Value = serde_json::from_slice(&file).unwrap();
        assert_eq!(file["state"], "completed");
        ids.insert(file["run"].as_str().unwrap().to_owned());
    }
    assert_eq!(ids.len(), 2, "{ids:?}");
}
