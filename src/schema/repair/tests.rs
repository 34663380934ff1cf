use serde_json::json;

use super::*;

/// An object with a label and a score.
fn is_valid(value: &Value) -> bool {
    let is_label = value["label"]
        .as_str()
        .is_some_and(|it| ["a", "b"].contains(&it));
    is_label && value["score"].is_u64()
}

fn repaired(text: &str) -> String {
    match find(text, is_valid) {
        None => "–".to_owned(),
        Some(FoundValue { value, repair }) => {
            assert_eq!(value["score"], 1, "{text}");
            repair.map_or("as it is", Repair::as_str).to_owned()
        }
    }
}

const GOOD: &str = r#"{"label": "a", "score": 1}"#;

#[test]
fn sixty_broken_responses_are_repaired_in_the_documented_way_or_rejected() {
    let table: [(&str, &str); 60] = [
        // As they are.
        (GOOD, "as it is"),
        ("  \n{\"label\":\"b\",\"score\":1}\n", "as it is"),
        (
            r#"{"score": 1, "label": "a", "more": [1, {"x": null}]}"#,
            "as it is",
        ),
        (
            r#"{"label": "a", "score": 1, "note": "```json {} ```"}"#,
            "as it is",
        ),
        // Reasoning around them.
        (
            "<think>hm</think>{\"label\": \"a\", \"score\": 1}",
            "outside_reasoning",
        ),
        (
            "<think>{\"label\": \"b\", \"score\": 9}</think>\n{\"label\": \"a\", \"score\": 1}",
            "outside_reasoning",
        ),
        (
            "no tag before</think>\n\n{\"label\": \"a\", \"score\": 1}",
            "outside_reasoning",
        ),
        (
            "<thinking>a</thinking><thinking>b</thinking>{\"label\": \"a\", \"score\": 1}",
            "outside_reasoning",
        ),
        (
            "<reasoning>x</reasoning> {\"label\": \"a\", \"score\": 1}",
            "outside_reasoning",
        ),
        (
            "<reflection>x</reflection>{\"label\": \"a\", \"score\": 1}",
            "outside_reasoning",
        ),
        (
            "<think>never closed {\"label\": \"a\", \"score\": 1}",
            "outermost",
        ),
        // Fences.
        (
            "```json\n{\"label\": \"a\", \"score\": 1}\n```",
            "fenced_block",
        ),
        ("```\n{\"label\": \"a\", \"score\": 1}\n```", "fenced_block"),
        ("```{\"label\": \"a\", \"score\": 1}```", "fenced_block"),
        (
            "~~~json\n{\"label\": \"a\", \"score\": 1}\n~~~",
            "fenced_block",
        ),
        (
            "Here:\n```JSON\n{\"label\": \"a\", \"score\": 1}\n```\nDone.",
            "fenced_block",
        ),
        (
            "```python\nprint(1)\n```\n```json\n{\"label\": \"a\", \"score\": 1}\n```",
            "fenced_block",
        ),
        (
            "```json\n{\"label\": \"z\", \"score\": 9}\n```\n```json\n{\"label\": \"a\", \"score\": 1}\n```",
            "fenced_block",
        ),
        (
            "<think>x</think>```json\n{\"label\": \"a\", \"score\": 1}\n```",
            "fenced_block",
        ),
        ("```json\n{\"label\": \"a\", \"score\": 1}", "outermost"),
        (
            "```json\n{\"label\": \"a\", \"score\": 1,}\n```",
            "tolerant",
        ),
        // Prose.
        (
            "The answer is {\"label\": \"a\", \"score\": 1}.",
            "outermost",
        ),
        ("{\"label\": \"a\", \"score\": 1} is my answer", "outermost"),
        (
            "Of {a, b} I choose {\"label\": \"a\", \"score\": 1}",
            "outermost",
        ),
        ("[note] {\"label\": \"a\", \"score\": 1}", "outermost"),
        ("{\"x\": 1} {\"label\": \"a\", \"score\": 1}", "outermost"),
        ("a } b { c {\"label\": \"a\", \"score\": 1}", "outermost"),
        ("Label: a\nScore: 1", "–"),
        (
            "{\"label\": \"a\", \"score\": 1}{\"label\": \"b\", \"score\": 9}",
            "outermost",
        ),
        // Inside of another value it is not the answer.
        ("[{\"label\": \"a\", \"score\": 1}]", "–"),
        ("{\"answer\": {\"label\": \"a\", \"score\": 1}}", "–"),
        (r#""{\"label\": \"a\", \"score\": 1}""#, "–"),
        // Nearly JSON.
        ("{\"label\": \"a\", \"score\": 1,}", "tolerant"),
        ("{'label': 'a', 'score': 1}", "tolerant"),
        ("{label: 'a', score: 1}", "tolerant"),
        ("{\"label\": \"a\", \"score\": 1, \"ok\": True}", "tolerant"),
        (
            "{\"label\": \"a\", \"score\": 1, \"ok\": None, \"no\": False}",
            "tolerant",
        ),
        ("{\"label\": \"a\", // first\n\"score\": 1}", "tolerant"),
        ("{\"label\": \"a\", /* x */ \"score\": 1}", "tolerant"),
        ("{\"label\": \"a\", # x\n\"score\": 1}", "tolerant"),
        (
            "// the answer\n{\"label\": \"a\", \"score\": 1}",
            "outermost",
        ),
        (
            "{\"label\": \"a\", \"score\": 1, \"note\": \"two\nlines\"}",
            "tolerant",
        ),
        (
            "{\"label\": \"a\", \"score\": 1, \"list\": [1, 2,],}",
            "tolerant",
        ),
        ("Here you are: {'label': 'a', 'score': 1}. Bye.", "tolerant"),
        ("{'label': 'a', 'score': 1, 'note': 'it\\'s'}", "tolerant"),
        ("<think>x</think>{label: \"a\", score: 1}", "tolerant"),
        // Nothing is added.
        ("{\"label\": \"a\", \"score\": 1", "–"),
        ("{\"label\": \"a\", \"score\": ", "–"),
        ("{\"label\": \"a\", \"sco", "–"),
        ("{\"label\": \"a\"}", "–"),
        ("\"label\": \"a\", \"score\": 1", "–"),
        ("{\"label\": \"a\" \"score\": 1}", "–"),
        ("{\"label\": \"a\", \"score\": one}", "–"),
        ("{\"label\": a, \"score\": 1}", "–"),
        ("{\"label\": \"c\", \"score\": 1}", "–"),
        ("{\"label\": \"a\", \"score\": \"1\"}", "–"),
        ("{'label': 'a', 'label': 'b', 'score': 1}", "–"),
        ("", "–"),
        ("null", "–"),
        ("I cannot answer that.", "–"),
    ];
    let wrong = table
        .iter()
        .filter(|(text, expected)| repaired(text) != *expected);
    let wrong: Vec<_> = wrong.map(|(text, it)| (text, it, repaired(text))).collect();
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// A value of a few kinds, with texts that look like syntax.
fn any_value(rng: &mut fastrand::Rng, depth: u32) -> Value {
    let texts = [
        "",
        "a",
        "it's",
        "```",
        "{\"x\": 1}",
        "// no",
        "</think>",
        "é\n",
        "\\",
        "]",
        "None",
    ];
    match rng.u8(..if depth == 0 { 5 } else { 7 }) {
        0 => Value::Null,
        1 => rng.bool().into(),
        2 => rng.i32(..).into(),
        3 => (f64::from(rng.i16(..)) / 8.0).into(),
        4 => texts[rng.usize(..texts.len())].into(),
        5 => (0..rng.u8(..4))
            .map(|_| any_value(rng, depth - 1))
            .collect(),
        _ => {
            let fields = (0..rng.u8(..4)).map(|n| (format!("k{n}"), any_value(rng, depth - 1)));
            Value::Object(fields.collect())
        }
    }
}

/// All keys and plain values of a value, as text.
fn parts(value: &Value, found: &mut Vec<String>) {
    match value {
        Value::Object(fields) => fields.iter().for_each(|(key, inside)| {
            found.push(key.clone());
            parts(inside, found);
        }),
        Value::Array(items) => items.iter().for_each(|inside| parts(inside, found)),
        Value::String(text) => found.push(text.clone()),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

#[test]
fn a_valid_document_is_never_changed_and_no_key_or_text_is_ever_invented() {
    let asked = std::env::var("PROMPTMILL_ROUNDS").ok();
    let rounds = asked.map_or(4_000, |rounds| rounds.parse().expect("a number"));
    for seed in 0..rounds {
        let mut rng = fastrand::Rng::with_seed(seed);
        let value = json!({"root": any_value(&mut rng, 3)});
        let text = value.to_string();
        let as_it_is = FoundValue {
            value: value.clone(),
            repair: None,
        };
        assert_eq!(find(&text, Value::is_object), Some(as_it_is), "{text}");
        // Whatever is cut out of it or put into it, what is found was in it.
        let mut damaged: Vec<char> = text.chars().collect();
        for _ in 0..rng.u8(1..4) {
            let at = rng.usize(..=damaged.len());
            match rng.u8(..3) {
                0 if at < damaged.len() => drop(damaged.remove(at)),
                1 => damaged.truncate(at),
                _ => damaged.insert(at, ['\'', '"', ',', '}', '{', '#', ' '][rng.usize(..7)]),
            }
        }
        let damaged: String = damaged.into_iter().collect();
        if let Some(found) = find(&damaged, |value| value.is_object() || value.is_array()) {
            let mut there = Vec::new();
            parts(&found.value, &mut there);
            let plain = |text: &str| text.replace(['\\', '\n'], "");
            let readable = plain(&damaged.replace("\\n", ""));
            for part in there {
                assert!(
                    readable.contains(&plain(&part)),
                    "{part:?} is not in {damaged:?}"
                );
            }
        }
    }
}

#[test]
fn no_more_places_of_a_text_are_looked_at_than_the_limit() {
    for piece in ["```json\n{}\n```\n", "~~~\n{}\n~~~\n"] {
        let text = piece.repeat(MOST_TRIES + 1);
        assert_eq!(fenced_blocks(&text).len(), MOST_TRIES);
    }
    assert_eq!(outermost(&"{} ".repeat(MOST_TRIES + 1)).len(), MOST_TRIES);
    assert_eq!(
        tolerant_values(&"{} ".repeat(MOST_TRIES + 1)).len(),
        MOST_TRIES
    );
}

#[test]
fn a_hostile_text_takes_no_time() {
    for text in [
        "{", "[", "</think>", "```", "{\"a\":", "'", "/*", "<think>{",
    ] {
        let text = text.repeat(100_000);
        let _ = find(&text, Value::is_object);
    }
}
