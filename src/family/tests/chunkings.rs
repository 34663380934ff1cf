//! However a stream is cut into chunks, it says what the whole reply says.

use super::golden::{assembled, first, line};
use super::*;
use crate::model::Usage;

/// Where chunks have their pieces of text.
const PIECES: [&str; 16] = [
    "/delta/text",
    "/delta/thinking",
    "/delta/partial_json",
    "/contentBlockDelta/delta/text",
    "/contentBlockDelta/delta/reasoningContent/reasoningText/text",
    "/contentBlockDelta/delta/toolUse/input",
    "/choices/0/delta/content",
    "/choices/0/delta/reasoning_content",
    "/choices/0/message/content",
    "/choices/0/text",
    "/outputs/0/text",
    "/generation",
    "/outputText",
    "/completion",
    "/text",
    "/message",
];

/// Where chunks say that they are the last.
const ENDS: [&str; 9] = [
    "/stop_reason",
    "/choices/0/finish_reason",
    "/choices/0/stop_reason",
    "/outputs/0/stop_reason",
    "/completionReason",
    "/finishReason",
    "/finish_reason",
    "/is_finished",
    "/stop",
];

/// A chunk as two, cut at a character of its text; the first of them is not the last.
fn cut(chunk: &Value, dice: &mut fastrand::Rng) -> Vec<Value> {
    let piece = |pointer: &&&str| chunk.pointer(pointer).is_some_and(Value::is_string);
    let Some(pointer) = PIECES.iter().find(piece) else {
        return vec![chunk.clone()];
    };
    let text = chunk.pointer(pointer).and_then(Value::as_str).unwrap_or("");
    let places: Vec<usize> = text.char_indices().map(|(at, _)| at).collect();
    let at = places.get(dice.usize(0..=places.len())).copied();
    let (before, after) = text.split_at(at.unwrap_or(text.len()));
    let (mut head, mut tail) = (chunk.clone(), chunk.clone());
    *head.pointer_mut(pointer).expect("found above") = before.into();
    *tail.pointer_mut(pointer).expect("found above") = after.into();
    for end in ENDS {
        if let Some(word) = head.pointer_mut(end) {
            *word = if word.is_boolean() {
                json!(false)
            } else {
                json!(null)
            };
        }
    }
    if let Value::Object(head) = &mut head {
        head.remove("amazon-bedrock-invocationMetrics");
    }
    vec![head, tail]
}

/// A chunk with the service's own keys before all others: nobody promises an order.
fn with_service_keys_first(chunk: &Value) -> Value {
    let Value::Object(said) = chunk else {
        return chunk.clone();
    };
    let mut all = serde_json::Map::new();
    all.insert("amazon-bedrock-trace".to_owned(), json!({"guardrail": {}}));
    let (own, rest): (Vec<_>, Vec<_>) = said
        .iter()
        .map(|(key, value)| (key.clone(), value.clone()))
        .partition(|(key, _)| key.starts_with("amazon-bedrock-"));
    all.extend(own.into_iter().chain(rest));
    Value::Object(all)
}

fn streaming() -> impl Iterator<Item = (Family, Vec<Value>)> {
    let stream = |family: &Family| Some((*family, first(*family, "stream")?.chunks()));
    Family::ALL.iter().filter_map(stream)
}

#[test]
fn any_chunking_says_what_the_whole_reply_says() {
    for (family, chunks) in streaming() {
        let whole = first(family, "reply").expect("a reply").body();
        let whole = family.read(&whole).expect("readable");
        let mut dice = fastrand::Rng::with_seed(7);
        for round in 0..200 {
            let mut cuts = chunks.clone();
            for _ in 0..round % 5 {
                cuts = cuts
                    .iter()
                    .flat_map(|chunk| cut(chunk, &mut dice))
                    .collect();
            }
            if round % 2 == 1 {
                cuts = cuts.iter().map(with_service_keys_first).collect();
            }
            let mut reading = assembled(family, &cuts).expect("it has its end");
            if whole.usage == Usage::default() {
                assert!(reading.usage.input_tokens.is_some(), "{}", family.name());
                reading.usage = Usage::default();
            }
            assert_eq!(line(&reading), line(&whole), "{}", family.name());
        }
    }
}

#[test]
fn a_stream_without_its_end_is_no_answer() {
    for (family, chunks) in streaming() {
        let reading = assembled(family, &chunks).expect("it has its end");
        let word = format!(
            "\"{}\"",
            reading.stop_reason.expect("it says why it stopped")
        );
        let end = chunks.iter().position(|it| it.to_string().contains(&word));
        for cut in 0..=end.expect("a chunk says why") {
            let error = assembled(family, &chunks[..cut]).expect_err(family.name());
            let chunks = cut as u64;
            assert_eq!(error, StreamError::CutShort { chunks }, "{}", family.name());
        }
    }
}

/// What may follow a stream that was cut: neither says why the model stopped.
#[test]
fn neither_the_counts_nor_done_make_a_cut_stream_an_answer() {
    let metrics = json!({"inputTokenCount": 9, "outputTokenCount": 3, "invocationLatency": 700});
    let counts = json!({"amazon-bedrock-invocationMetrics": metrics});
    for (family, chunks) in streaming() {
        let reading = assembled(family, &chunks).expect("it has its end");
        let word = format!("\"{}\"", reading.stop_reason.expect("it says why"));
        let end = chunks.iter().position(|it| it.to_string().contains(&word));
        for tail in [json!("[DONE]"), counts.clone()] {
            let mut cut = chunks[..end.expect("a chunk says why")].to_vec();
            cut.push(tail.clone());
            let error = assembled(family, &cut).expect_err(family.name());
            let chunks = cut.len() as u64;
            let name = family.name();
            assert_eq!(error, StreamError::CutShort { chunks }, "{name}: {tail}");
        }
    }
}

#[test]
fn words_are_noticed_when_they_come() {
    for (family, chunks) in streaming() {
        let mut assembly = family.assemble().expect("it streams");
        let mut has_words = Vec::new();
        for chunk in &chunks {
            assembly
                .push(chunk.to_string().as_bytes())
                .expect("a good stream");
            has_words.push(assembly.has_words());
        }
        assert_eq!(has_words.last(), Some(&true), "{}", family.name());
        let piece = |chunk: &Value| {
            let text = |pointer: &&str| chunk.pointer(pointer).and_then(Value::as_str);
            PIECES
                .iter()
                .find_map(text)
                .is_some_and(|text| !text.is_empty())
        };
        let first = chunks.iter().position(piece);
        assert_eq!(
            has_words.iter().position(|it| *it),
            first,
            "{}",
            family.name()
        );
    }
}

#[test]
fn a_guardrail_in_a_stream_goes_before_what_the_model_says() {
    for (family, mut chunks) in streaming() {
        chunks[0]["amazon-bedrock-guardrailAction"] = json!("INTERVENED");
        let last = chunks.len() - 1;
        if chunks[last].is_object() {
            chunks[last]["amazon-bedrock-guardrailAction"] = json!("NONE");
        }
        let reading = assembled(family, &chunks).expect("it has its end");
        let found = reading.finish_reason;
        assert_eq!(found, FinishReason::Guardrail, "{}", family.name());
    }
    let metrics = json!({"inputTokenCount": 9, "invocationLatency": 700});
    let alone = [json!({
        "amazon-bedrock-guardrailAction": "INTERVENED",
        "amazon-bedrock-invocationMetrics": metrics,
    })];
    let reading = assembled(Family::Llama3, &alone).expect("an empty answer");
    assert_eq!(line(&reading), r#""" guardrail (-) in=9"#);
}

/// Its word comes with the first chunk: what breaks off behind it is no answer.
#[test]
fn a_guardrail_does_not_make_a_cut_stream_an_answer() {
    for (family, mut chunks) in streaming() {
        let reading = assembled(family, &chunks).expect("it has its end");
        let word = format!("\"{}\"", reading.stop_reason.expect("it says why"));
        let end = chunks.iter().position(|it| it.to_string().contains(&word));
        chunks[0]["amazon-bedrock-guardrailAction"] = json!("INTERVENED");
        // Where it comes with the last chunk alone, it has blocked.
        for cut in 2..=end.expect("a chunk says why") {
            let error = assembled(family, &chunks[..cut]).expect_err(family.name());
            let chunks = cut as u64;
            assert_eq!(error, StreamError::CutShort { chunks }, "{}", family.name());
        }
    }
}

/// A block is all that comes: no reason to stop, no metrics, in any family.
#[test]
fn a_blocked_stream_is_over_although_nothing_says_why_it_stopped() {
    let blocked = json!({"guardrail": {"actionReason": "Guardrail blocked."}});
    let masked = json!({"guardrail": {"actionReason": "Guardrail masked."}});
    let intervened = |chunk: &Value, trace: Option<&Value>| {
        let mut chunk = chunk.clone();
        chunk["amazon-bedrock-guardrailAction"] = json!("INTERVENED");
        if let Some(trace) = trace {
            chunk["amazon-bedrock-trace"] = trace.clone();
        }
        chunk
    };
    for (family, chunks) in streaming() {
        let name = family.name();
        let reading = assembled(family, &chunks).expect("it has its end");
        let word = format!("\"{}\"", reading.stop_reason.expect("it says why"));
        let end = chunks.iter().position(|it| it.to_string().contains(&word));
        let piece = |chunk: &Value| {
            let text = |pointer: &&str| chunk.pointer(pointer).and_then(Value::as_str);
            PIECES.iter().find_map(text).map(str::to_owned)
        };
        let cut = &chunks[..end.expect("a chunk says why")];
        let last = cut
            .iter()
            .rposition(|chunk| piece(chunk).is_some_and(|it| !it.is_empty()));
        let Some(last) = last else { continue };
        let told = |chunks: &[Value]| assembled(family, chunks).map(|it| it.finish_reason);
        let guardrail = Ok(FinishReason::Guardrail);
        let mut all = cut[..=last].to_vec();
        for trace in [None, Some(&blocked)] {
            all[last] = intervened(&cut[last], trace);
            assert_eq!(told(&all), guardrail, "{name}: {trace:?}");
        }
        all.fill_with(|| intervened(&cut[last], Some(&blocked)));
        all[..last].clone_from_slice(&cut[..last]);
        all[0] = intervened(&all[0], Some(&blocked));
        assert_eq!(told(&all), guardrail, "{name}: the trace says so");
        all[last] = intervened(&cut[last], Some(&masked));
        all[0] = cut[0].clone();
        if 0 < last {
            let error = told(&all).expect_err("masked, and cut short");
            let chunks = all.len() as u64;
            assert_eq!(error, StreamError::CutShort { chunks }, "{name}");
        }
    }
    let alone = [json!({"amazon-bedrock-guardrailAction": "INTERVENED"})];
    let reading = assembled(Family::Llama3, &alone).expect("all that came");
    assert_eq!(line(&reading), r#""" guardrail (-)"#);
}

#[test]
fn a_complete_response_in_a_single_chunk_is_read_as_one() {
    for (family, _) in streaming() {
        for case in super::golden::cases(family) {
            if !case.is("reply") || !case.said.starts_with('"') {
                continue;
            }
            let mut body = case.body();
            let whole = family.read(&body).expect("readable");
            if whole.stop_reason.is_none() {
                continue;
            }
            body["amazon-bedrock-invocationMetrics"] = json!({"invocationLatency": 7});
            let streamed = assembled(family, &[body.clone()]).map(|it| line(&it));
            assert_eq!(streamed, Ok(line(&whole)), "{}: {body}", family.name());
        }
    }
}

#[test]
fn a_chunk_that_is_not_understood_ends_no_reading_and_is_told_of() {
    for (family, mut chunks) in streaming() {
        let strange = json!("what is this");
        chunks.insert(1, strange.clone());
        let mut assembly = family.assemble().expect("it streams");
        for chunk in &chunks {
            let pushed = assembly.push(chunk.to_string().as_bytes());
            assert_eq!(pushed, Ok(()), "{}", family.name());
        }
        let error = assembly.finish().expect_err("one was not understood");
        let is_misread = matches!(error, StreamError::NoAnswer(NoAnswer::Misread(_)));
        assert!(is_misread, "{}: {error}", family.name());
    }
}

#[test]
fn a_later_chunk_of_metrics_adds_to_the_first() {
    let metrics = |metrics: Value| json!({"amazon-bedrock-invocationMetrics": metrics});
    let chunks = [
        json!({"generation": "Io.", "stop_reason": "stop"}),
        metrics(json!({"inputTokenCount": 9, "outputTokenCount": 3, "invocationLatency": 700})),
        metrics(json!({"firstByteLatency": 400, "outputTokenCount": null})),
    ];
    let reading = assembled(Family::Llama3, &chunks).expect("it has its end");
    assert_eq!(line(&reading), r#""Io." stop (stop) in=9 out=3"#);
}

#[test]
fn what_nobody_knows_the_family_of_is_joined_by_its_first_chunk() {
    let joined = |family: Family, chunks: &[Value]| {
        let mut assembly = family.assemble().expect("it streams");
        for chunk in chunks {
            assembly
                .push(chunk.to_string().as_bytes())
                .map_err(|error| error.to_string())?;
        }
        let assembled = assembly.finish().map_err(|error| error.to_string());
        assembled.map(|it| line(&it.parsed))
    };
    let texts = |family: Family| first(family, "stream").expect("it streams").chunks();
    for (family, others) in [
        (Family::OpenaiChat, Family::TextCompletion),
        (Family::Llama3, Family::OpenaiChat),
        (Family::TextCompletion, Family::Llama3),
        (Family::ClaudeMessages, Family::Nova),
        (Family::Nova, Family::ClaudeMessages),
        (Family::Nova, Family::Nova),
    ] {
        let mut chunks = texts(others);
        let own = assembled(others, &chunks).map(|it| line(&it));
        assert_eq!(
            joined(family, &chunks),
            Ok(own.expect("good")),
            "{}",
            family.name()
        );
        chunks.insert(0, json!({"choices": []}));
        if family != Family::ClaudeMessages {
            assert!(joined(family, &chunks).is_ok(), "{}", family.name());
        }
    }
    let strange = [texts(Family::Llama3)[0].clone(), json!({"what": "is this"})];
    let said = joined(Family::OpenaiChat, &strange).expect_err("no chunk");
    assert!(said.contains("not shaped as llama"), "{said}");
    let said = joined(Family::OpenaiChat, &strange[1..]).expect_err("no chunk");
    assert!(said.contains("not shaped as openai-chat"), "{said}");
}

#[test]
fn what_is_no_chunk_is_refused_and_nothing_panics() {
    for (family, chunks) in streaming() {
        for strange in [
            json!("text"),
            json!(null),
            json!(7),
            json!([]),
            json!({"x": 1}),
        ] {
            let result = assembled(family, std::slice::from_ref(&strange));
            assert!(result.is_err(), "{}: {strange}", family.name());
        }
        for (at, chunk) in chunks.iter().enumerate() {
            for mutant in mutants(chunk) {
                let mut chunks = chunks.clone();
                chunks[at] = mutant;
                let made = assembled(family, &chunks).map(|reading| line(&reading));
                assert!(made.is_err() || made.is_ok_and(|line| !line.is_empty()));
            }
        }
    }
}
