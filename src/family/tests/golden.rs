//! The tables of `golden/`, one file a family: what is asked, answered and streamed, as text on
//! both sides of a `=>`.
//!
//! ```text
//! # request                 every parameter the family takes; `bare` for none, `streamed` and `cached`
//!                           as the job says, then a base id
//! system: Be terse.
//! user: Name a moon.
//! =>
//! {"the":"body"}
//!
//! # reply                   `own-body` where the row brought the body of the request
//! {"a":"reply"}
//! =>
//! "completion" finish (its own word) in=1 out=2
//!
//! # shared 2                the answer to a call that so many rows share
//! {"a":"reply"}
//! =>
//! as for a reply, a line for each row
//!
//! # stream
//! {"a":"chunk"}
//! {"the":"last"}
//! =>
//! as for a reply
//!
//! # image                   a whole body that shows an image, and what it is billed by
//! {"a":"body"}
//! =>
//! tokens, 1 shown
//! ```

use super::*;
use crate::model::{Bill, Metered};
use crate::model::{Image, Message, ParsedReply, Role};

/// What a family's file holds.
pub(super) struct Case {
    pub(super) kind: String,
    pub(super) given: String,
    pub(super) said: String,
}

impl Case {
    pub(super) fn chunks(&self) -> Vec<Value> {
        let parse = |line| serde_json::from_str(line).expect("a chunk is JSON");
        self.given.lines().map(parse).collect()
    }

    pub(super) fn body(&self) -> Value {
        serde_json::from_str(&self.given).expect("a reply is JSON")
    }

    pub(super) fn is(&self, kind: &str) -> bool {
        self.kind.split(' ').next() == Some(kind)
    }
}

pub(super) fn cases(family: Family) -> Vec<Case> {
    let path = format!(
        "{}/src/family/golden/{}.txt",
        env!("CARGO_MANIFEST_DIR"),
        family.name()
    );
    let text = std::fs::read_to_string(&path).expect(&path);
    let case = |part: &str| {
        let (kind, rest) = part.split_once('\n').expect("a line `# kind`");
        let (given, said) = rest.split_once("=>\n").expect("a line `=>`");
        Case {
            kind: kind.trim().to_owned(),
            given: given.trim_end().to_owned(),
            said: said.trim().to_owned(),
        }
    };
    format!("\n{text}")
        .split("\n# ")
        .skip(1)
        .map(case)
        .collect()
}

/// The first case of its kind that is no error.
pub(super) fn first(family: Family, kind: &str) -> Option<Case> {
    cases(family)
        .into_iter()
        .find(|case| case.is(kind) && case.said.starts_with('"'))
}

/// A reading in one line: the completion, then whatever else is known.
pub(super) fn line(reading: &ParsedReply) -> String {
    let count = |name: &str, count: Option<u64>| count.map(|n| format!(" {name}={n}"));
    let pictures = reading
        .images
        .iter()
        .map(|it| format!(" {}:{}b", it.ending, it.bytes.len()));
    let rest = [
        count("in", reading.usage.input_tokens),
        count("out", reading.usage.output_tokens),
        count("read", reading.usage.cache_read_input_tokens),
        count("written", reading.usage.cache_write_input_tokens),
        reading
            .reasoning
            .as_ref()
            .map(|it| format!(" reasoning={it:?}")),
        reading.output.as_ref().map(|it| format!(" output={it}")),
    ];
    format!(
        "{:?} {} ({}){}",
        reading.completion.as_deref().unwrap_or("-"),
        reading.finish_reason.as_str(),
        reading.stop_reason.as_deref().unwrap_or("-"),
        rest.into_iter()
            .flatten()
            .chain(pictures)
            .collect::<String>()
    )
}

/// A prompt written as `role: text` lines; `user+image` shows an image.
pub(in crate::family) fn prompt(script: &str) -> Prompt {
    let mut prompt = Prompt::default();
    for line in script.lines() {
        let (role, text) = line.split_once(": ").expect("role: text");
        let text = text.replace("\\n", "\n");
        if role == "system" {
            prompt.system = Some(text);
            continue;
        }
        let image = Image {
            format: "png".into(),
            base64: "iVBORw0KGgo=".into(),
        };
        prompt.messages.push(Message {
            role: match role {
                "assistant" => Role::Assistant,
                "later-system" => Role::System,
                _ => Role::User,
            },
            text,
            images: role
                .ends_with("+image")
                .then_some(image)
                .into_iter()
                .collect(),
            written: None,
        });
    }
    prompt
}

/// Every parameter that a family takes.
fn parameters(family: Family) -> Parameters {
    let takes = |parameter| family.takes().iter().any(|it| it.parameter == parameter);
    Parameters {
        max_tokens: takes(Parameter::MaxTokens).then_some(300),
        temperature: takes(Parameter::Temperature).then_some(0.5),
        top_p: takes(Parameter::TopP).then_some(0.9),
        top_k: takes(Parameter::TopK).then_some(40),
        stop: takes(Parameter::Stop)
            .then(|| "END".into())
            .into_iter()
            .collect(),
        ..Parameters::default()
    }
}

fn request(family: Family, case: &Case) -> String {
    let mut parameters = parameters(family);
    let mut base = None;
    for word in case.kind.split(' ').skip(1) {
        match word {
            "bare" => parameters = Parameters::default(),
            "streamed" => parameters.stream = true,
            "cached" => parameters.cache = true,
            id => base = Some(id),
        }
    }
    let prompt = prompt(&case.given);
    match family.accepts(&prompt, base, Doubtful::Refused) {
        Ok(()) => family.body(&prompt, &parameters, base).to_string(),
        Err(problem) => problem,
    }
}

/// What each of the rows that shared a call is answered with, one a line.
fn shared(family: Family, case: &Case) -> String {
    let rows = case.kind.split(' ').nth(1).expect("shared by how many");
    let rows = rows.parse().expect("a number of rows");
    let read = |part: Vec<u8>| {
        let part = serde_json::from_slice(&part).expect("a part is JSON");
        let read = family.read(&part).map_err(|error| error.to_string());
        read.map(|reading| line(&reading))
    };
    let parts = family.part(case.given.as_bytes(), rows);
    let parts = parts.map_err(|misread| misread.to_string());
    let lines = parts.and_then(|parts| parts.into_iter().map(read).collect::<Result<Vec<_>, _>>());
    lines.map_or_else(|why| why, |lines| lines.join("\n"))
}

/// What the chunks make together, or why they make nothing.
pub(super) fn assembled(family: Family, chunks: &[Value]) -> Result<ParsedReply, StreamError> {
    whole(family, chunks).map(|assembled| assembled.parsed)
}

fn whole(family: Family, chunks: &[Value]) -> Result<Assembled, StreamError> {
    let mut assembly = family.assemble().expect("it streams");
    for chunk in chunks {
        assembly.push(chunk.to_string().as_bytes())?;
    }
    assembly.finish()
}

/// A reading as it goes into a record: of a body that was built here, unless the row brought it.
fn finished(family: Family, case: &Case, reading: ParsedReply, body: &Value) -> ParsedReply {
    match case.kind.ends_with(" own-body") {
        true => reading,
        false => family.tidied(reading, body),
    }
}

fn said(family: Family, case: &Case) -> String {
    match case.kind.split(' ').next() {
        Some("request") => request(family, case),
        Some("reply") => match family.read(&case.body()) {
            Ok(reading) => line(&finished(family, case, reading, &case.body())),
            Err(misread) => misread.to_string(),
        },
        Some("shared") => shared(family, case),
        Some("stream") => match whole(family, &case.chunks()) {
            Ok(whole) => line(&finished(family, case, whole.parsed, &whole.body)),
            Err(error) => error.to_string(),
        },
        Some("image") => match serde_json::from_str(&case.given)
            .ok()
            .and_then(|body| family.bill(&body))
        {
            Some(bill) => billed(&bill),
            None => "nobody knows".to_owned(),
        },
        kind => panic!("what is {kind:?}?"),
    }
}

/// What a request is billed by, in one line.
fn billed(bill: &Bill) -> String {
    assert_eq!(
        bill.least, bill.most,
        "a body that shows an image is no search"
    );
    let tokens = (bill.tokens == Metered::Billed).then(|| "tokens".to_owned());
    let pieces = [(bill.most.made, "made"), (bill.most.shown, "shown")];
    let pieces = pieces.into_iter().filter(|(number, _)| 0 < *number);
    let pieces = pieces.map(|(number, what)| format!("{number} {what}"));
    tokens
        .into_iter()
        .chain(pieces)
        .collect::<Vec<_>>()
        .join(", ")
}

#[test]
fn every_family_asks_reads_and_joins_as_its_table_says() {
    let mut wrong = String::new();
    for family in Family::ALL.iter().copied() {
        let mut whole = String::new();
        let mut differs = false;
        for case in cases(family) {
            let said = said(family, &case);
            differs |= said != case.said;
            whole += &format!("# {}\n{}\n=>\n{said}\n\n", case.kind, case.given);
        }
        if differs {
            wrong += &format!("==== golden/{}.txt\n{whole}", family.name());
        }
    }
    assert!(wrong.is_empty(), "these tables should be:\n{wrong}");
}

/// The table of the documentation: each of its cells is shown by an example.
#[test]
fn every_cell_of_the_documentation_has_its_example() {
    for family in Family::ALL.iter().copied() {
        let name = family.name();
        let cases = cases(family);
        let asks = |what: &dyn Fn(&Prompt) -> bool| {
            let requests = cases.iter().filter(|case| case.is("request"));
            let mut built = requests.filter(|case| case.said.starts_with('{'));
            built.any(|case| what(&prompt(&case.given)))
        };
        let abilities = family.abilities();
        assert!(asks(&|_| true), "{name}: a request");
        assert_eq!(abilities.system, asks(&|it| it.system.is_some()), "{name}");
        let turns = |it: &Prompt| it.messages.iter().any(|it| it.role == Role::Assistant);
        assert_eq!(abilities.multi_turn, asks(&turns), "{name}");
        let images = |it: &Prompt| it.messages.iter().any(|it| !it.images.is_empty());
        assert_eq!(abilities.images == "in messages", asks(&images), "{name}");
        let in_a_body = cases.iter().any(|case| case.is("image"));
        assert_eq!(abilities.images == "in a body", in_a_body, "{name}: image");
        let reply = first(family, "reply").expect(name);
        let reading = family.read(&reply.body()).expect(name);
        assert_eq!(
            abilities.usage == "body",
            reading.usage.input_tokens.is_some(),
            "{name}: usage"
        );
        assert_eq!(
            abilities.stop_reason,
            reading.stop_reason.is_some(),
            "{name}: stop reason"
        );
        assert_eq!(
            abilities.streams,
            first(family, "stream").is_some(),
            "{name}"
        );
        assert_eq!(abilities.streams, family.assemble().is_some(), "{name}");
        if abilities.stop_reason {
            says_why_it_stopped(family);
        }
        if abilities.streams {
            let stream = first(family, "stream").expect(name);
            let reading = assembled(family, &stream.chunks()).expect(name);
            let counted = reading.usage.input_tokens.and(reading.usage.output_tokens);
            assert!(counted.is_some(), "{name}: usage of a stream");
            assert!(
                reading.stop_reason.is_some(),
                "{name}: stop reason of a stream"
            );
        }
    }
}

/// An answer that is over and one that was cut are told apart.
#[track_caller]
fn says_why_it_stopped(family: Family) {
    let reasons: Vec<FinishReason> = cases(family)
        .iter()
        .filter(|case| case.is("reply"))
        .filter_map(|case| family.read(&case.body()).ok())
        .map(|reading| reading.finish_reason)
        .collect();
    for reason in [FinishReason::Stop, FinishReason::Length] {
        let name = family.name();
        assert!(
            reasons.contains(&reason),
            "{name}: a reply that is {reason:?}"
        );
    }
}
