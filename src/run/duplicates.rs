//! Rows that would send the request of an earlier row: the first of them is sent, and its record is
//! copied to the others.
//!
//! What the others wait for is bounded: so many of them are held while the first is on its way, and
//! replies are kept only while rows are to come that copy them, up to a number of bytes. A row whose
//! reply is no longer kept is sent itself.

use std::collections::HashMap;
use std::sync::Arc;

use tokio::time::Instant;

use super::bytes_in_flight;
use super::{CompletedRow, Identity, Outcome, ReadyRow};
use crate::model::{Fault, Fingerprint, ParsedReply, Reply, Served, Usage};

/// The most rows that wait for the reply to an earlier one; reading goes no further then.
const MOST_HELD: usize = 1024;

/// The most bytes of replies that are kept to be copied: beside the calls in flight, not much.
const MOST_KEPT_BYTES: usize = 64 << 20;

/// The requests that several rows of the input would send.
#[derive(Debug, Clone, Default)]
pub struct Duplicates {
    groups: HashMap<Fingerprint, DuplicateGroup>,
    held: usize,
    kept_bytes: usize,
}

/// The rows of one request.
#[derive(Debug, Clone)]
struct DuplicateGroup {
    /// Rows that have not been read yet.
    left: u64,
    first: FirstOfGroup,
}

/// The row that is sent for the others.
#[derive(Debug, Clone)]
enum FirstOfGroup {
    /// The next one that is read.
    Next,
    /// One on its way; these wait for it.
    Sent(Vec<Identity>),
    /// This one, which ended like this.
    Ended { id: String, outcome: Outcome },
}

/// What is done with a row that was read.
#[derive(Debug, PartialEq)]
pub(super) enum Sorted {
    /// It is sent.
    Send(ReadyRow),
    /// It waits for the row that was sent for it.
    Held,
    /// It ends like the row that was sent for it.
    Copied(Copied),
    /// It cannot wait: too many do.
    Full(ReadyRow),
}

/// A row that ends without a call of its own.
#[derive(Debug, PartialEq)]
pub(super) struct Copied {
    pub(super) identity: Identity,
    pub(super) outcome: Outcome,
    /// The id of the row that was sent for it.
    pub(super) from: String,
}

impl Copied {
    pub(super) fn completed(&self, now: Instant) -> CompletedRow {
        CompletedRow {
            copied_from: Some(self.from.clone()),
            ..CompletedRow::unsent(self.identity.clone(), self.outcome.clone(), now)
        }
    }
}

impl Duplicates {
    /// The requests that stand more than once among those of the rows to come, with how often each does.
    pub fn among(requests: &HashMap<Fingerprint, u64>) -> Self {
        let several = requests.iter().filter(|(_, rows)| 1 < **rows);
        Self {
            groups: several
                .map(|(request, rows)| (*request, DuplicateGroup::of(*rows)))
                .collect(),
            ..Self::default()
        }
    }

    /// A row of an earlier run succeeded with this request: the rows to come copy its record.
    pub fn succeeded_before(&mut self, request: Fingerprint, rows: u64, id: String, reply: Reply) {
        let outcome = Outcome::Replied(Arc::new(free_of_charge(&reply)));
        let group = self
            .groups
            .entry(request)
            .or_insert(DuplicateGroup::of(rows));
        if let FirstOfGroup::Next = group.first {
            let bytes = bytes(&outcome);
            if self.kept_bytes + bytes <= MOST_KEPT_BYTES {
                self.kept_bytes += bytes;
                group.first = FirstOfGroup::Ended { id, outcome };
            }
        }
    }

    /// What is done with a row that was read.
    pub(super) fn sort(&mut self, ready: ReadyRow) -> Sorted {
        let request = ready.identity.fingerprint;
        let Some(group) = request.and_then(|request| self.groups.get_mut(&request)) else {
            return Sorted::Send(ready);
        };
        let sorted = match &mut group.first {
            FirstOfGroup::Sent(_) if MOST_HELD <= self.held => return Sorted::Full(ready),
            FirstOfGroup::Sent(waiting) => {
                self.held += 1;
                waiting.push(ready.identity);
                Sorted::Held
            }
            FirstOfGroup::Next => {
                group.first = FirstOfGroup::Sent(Vec::new());
                Sorted::Send(ready)
            }
            FirstOfGroup::Ended { id, outcome } => Sorted::Copied(Copied {
                identity: ready.identity,
                outcome: outcome.clone(),
                from: id.clone(),
            }),
        };
        group.left = group.left.saturating_sub(1);
        self.let_go(request);
        sorted
    }

    /// A row that was sent has ended: those that waited for it end alike.
    pub(super) fn ended(&mut self, first: &Identity, outcome: &Outcome) -> Vec<Copied> {
        let request = first.fingerprint;
        let Some(group) = request.and_then(|request| self.groups.get_mut(&request)) else {
            return Vec::new();
        };
        let FirstOfGroup::Sent(waiting) = std::mem::replace(&mut group.first, FirstOfGroup::Next)
        else {
            return Vec::new();
        };
        self.held -= waiting.len();
        let id = first.custom_id.clone().unwrap_or_default();
        let kept = copy_of(outcome);
        let copied = |identity| Copied {
            identity,
            outcome: kept.clone(),
            from: id.clone(),
        };
        let copies = waiting.into_iter().map(copied).collect();
        let bytes = bytes(&kept);
        if self.kept_bytes + bytes <= MOST_KEPT_BYTES {
            self.kept_bytes += bytes;
            group.first = FirstOfGroup::Ended { id, outcome: kept };
        }
        self.let_go(request);
        copies
    }

    /// Keeps nothing for rows that no longer come.
    fn let_go(&mut self, request: Option<Fingerprint>) {
        let Some(request) = request else {
            return;
        };
        let is_over = |group: &DuplicateGroup| {
            group.left == 0 && !matches!(group.first, FirstOfGroup::Sent(_))
        };
        if self.groups.get(&request).is_some_and(is_over)
            && let Some(DuplicateGroup {
                first: FirstOfGroup::Ended { outcome, .. },
                ..
            }) = self.groups.remove(&request)
        {
            self.kept_bytes -= bytes(&outcome);
        }
    }
}

impl DuplicateGroup {
    fn of(left: u64) -> Self {
        Self {
            left,
            first: FirstOfGroup::Next,
        }
    }
}

/// The outcome as that of a row without a call: it used no tokens and cost nothing.
fn copy_of(outcome: &Outcome) -> Outcome {
    match outcome {
        Outcome::Replied(reply) => Outcome::Replied(Arc::new(free_of_charge(reply))),
        Outcome::Failed(fault) => Outcome::Failed(Fault {
            raw: None,
            invalid: fault
                .invalid
                .as_deref()
                .map(|reply| Arc::new(free_of_charge(reply))),
            ..fault.clone()
        }),
    }
}

fn free_of_charge(reply: &Reply) -> Reply {
    Reply {
        parsed: ParsedReply {
            usage: Usage {
                input_tokens: Some(0),
                output_tokens: Some(0),
                ..Usage::default()
            },
            ..reply.parsed.clone()
        },
        cost_usd: Some(0.0),
        served: Served {
            latency_ms: None,
            ..reply.served.clone()
        },
        ..Reply::default()
    }
}

/// What an outcome takes in memory, and about as much as its line.
pub(super) fn bytes(outcome: &Outcome) -> usize {
    match outcome {
        Outcome::Replied(reply) => bytes_in_flight::bytes(reply),
        Outcome::Failed(fault) => {
            let invalid = fault.invalid.as_deref();
            fault.message.len() + invalid.map_or(0, bytes_in_flight::bytes)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Category, Request};

    fn ready(row: u64, request: u64) -> ReadyRow {
        ReadyRow {
            identity: Identity {
                row,
                custom_id: Some(format!("r{row}")),
                fingerprint: Some(Fingerprint(request)),
                ..Identity::default()
            },
            request: Request {
                body: "{}".into(),
                ..Request::default()
            },
        }
    }

    fn among(requests: &[Fingerprint]) -> Duplicates {
        let mut rows: HashMap<Fingerprint, u64> = HashMap::new();
        for request in requests {
            *rows.entry(*request).or_default() += 1;
        }
        Duplicates::among(&rows)
    }

    fn reply(completion: &str) -> Outcome {
        Outcome::Replied(Arc::new(Reply {
            parsed: ParsedReply {
                completion: Some(completion.to_owned()),
                usage: Usage {
                    input_tokens: Some(9),
                    output_tokens: Some(9),
                    ..Usage::default()
                },
                ..ParsedReply::default()
            },
            cost_usd: Some(1.0),
            request_id: Some("q".into()),
            raw: "{}".into(),
            ..Reply::default()
        }))
    }

    fn shown(sorted: &Sorted) -> String {
        match sorted {
            Sorted::Send(ready) => format!("send {}", ready.identity.row),
            Sorted::Held => "held".into(),
            Sorted::Full(ready) => format!("full {}", ready.identity.row),
            Sorted::Copied(copied) => told(copied),
        }
    }

    fn told(copied: &Copied) -> String {
        let Copied {
            identity,
            outcome,
            from,
        } = copied;
        match outcome {
            Outcome::Replied(reply) => {
                assert_eq!(reply.cost_usd, Some(0.0));
                assert_eq!(reply.parsed.usage.input_tokens, Some(0));
                assert_eq!((&reply.request_id, reply.raw.len()), (&None, 0));
                let completion = reply.parsed.completion.as_deref().unwrap_or_default();
                format!("{} = {completion} of {from}", identity.row)
            }
            Outcome::Failed(fault) => format!("{} = {} of {from}", identity.row, fault.message),
        }
    }

    #[test]
    fn the_first_row_of_a_request_is_sent_and_the_others_end_like_it() {
        let requests = [7, 8, 7, 7, 9].map(Fingerprint);
        let mut duplicates = among(&requests);
        let first = ready(1, 7);
        assert_eq!(shown(&duplicates.sort(first.clone())), "send 1");
        assert_eq!(shown(&duplicates.sort(ready(2, 8))), "send 2");
        assert_eq!(shown(&duplicates.sort(ready(3, 7))), "held");
        let copies = duplicates.ended(&first.identity, &reply("yes"));
        assert_eq!(
            copies.iter().map(told).collect::<Vec<_>>(),
            ["3 = yes of r1"]
        );
        assert!(
            duplicates
                .ended(&ready(2, 8).identity, &reply("no"))
                .is_empty()
        );
        assert_eq!(shown(&duplicates.sort(ready(4, 7))), "4 = yes of r1");
        assert_eq!(shown(&duplicates.sort(ready(5, 9))), "send 5");
        assert!(duplicates.groups.is_empty(), "nothing more is to come");
        assert_eq!((duplicates.held, duplicates.kept_bytes), (0, 0));
    }

    #[test]
    fn a_failure_is_copied_without_its_body() {
        let mut duplicates = among(&[Fingerprint(7); 3]);
        let first = ready(1, 7);
        let _ = duplicates.sort(first.clone());
        let _ = duplicates.sort(ready(2, 7));
        let fault = Fault {
            raw: Some("<p>".into()),
            ..Fault::local(Category::BadResponse, "a page")
        };
        let copies = duplicates.ended(&first.identity, &Outcome::Failed(fault));
        assert_eq!(told(&copies[0]), "2 = a page of r1");
        assert!(matches!(&copies[0].outcome, Outcome::Failed(fault) if fault.raw.is_none()));
        assert_eq!(shown(&duplicates.sort(ready(3, 7))), "3 = a page of r1");
    }

    #[test]
    fn a_copy_of_a_response_that_breaks_its_schema_costs_nothing() {
        let mut duplicates = among(&[Fingerprint(7); 2]);
        let first = ready(1, 7);
        let _ = duplicates.sort(first.clone());
        let _ = duplicates.sort(ready(2, 7));
        let Outcome::Replied(paid) = reply("{}") else {
            unreachable!("it is a reply");
        };
        let fault = Fault {
            invalid: Some(paid),
            ..Fault::local(Category::InvalidOutput, "no label")
        };
        let copies = duplicates.ended(&first.identity, &Outcome::Failed(fault));
        let Outcome::Failed(fault) = &copies[0].outcome else {
            panic!("a failure is copied as one");
        };
        let copied = fault.invalid.as_deref().unwrap();
        assert_eq!(copied.cost_usd, Some(0.0));
        assert_eq!(copied.parsed.usage.input_tokens, Some(0));
        assert_eq!(copied.parsed.completion.as_deref(), Some("{}"));
    }

    #[test]
    fn no_more_rows_wait_than_the_bound_and_one_that_is_too_many_is_sorted_later() {
        let most = MOST_HELD as u64;
        let mut duplicates = among(&vec![Fingerprint(7); MOST_HELD + 3]);
        let first = ready(1, 7);
        let _ = duplicates.sort(first.clone());
        for row in 0..most {
            assert_eq!(duplicates.sort(ready(2 + row, 7)), Sorted::Held);
        }
        let next = ready(2 + most, 7);
        assert_eq!(duplicates.sort(next.clone()), Sorted::Full(next.clone()));
        assert_eq!(
            duplicates.ended(&first.identity, &reply("a")).len(),
            MOST_HELD
        );
        let told = format!("{} = a of r1", 2 + most);
        assert_eq!(shown(&duplicates.sort(next)), told);
        let _ = duplicates.sort(ready(3 + most, 7));
        assert!(duplicates.groups.is_empty());
    }

    #[test]
    fn a_reply_that_is_too_large_to_be_kept_is_not_and_the_next_row_is_sent_itself() {
        let mut duplicates = among(&[Fingerprint(7); 3]);
        let first = ready(1, 7);
        let _ = duplicates.sort(first.clone());
        let long = reply(&"x".repeat(MOST_KEPT_BYTES + 1));
        assert!(duplicates.ended(&first.identity, &long).is_empty());
        assert_eq!(duplicates.kept_bytes, 0);
        assert_eq!(shown(&duplicates.sort(ready(2, 7))), "send 2");
        assert_eq!(shown(&duplicates.sort(ready(3, 7))), "held");
    }

    #[test]
    fn what_an_outcome_takes_is_its_message_and_its_response() {
        let Outcome::Replied(paid) = reply("{}") else {
            unreachable!("it is a reply");
        };
        let of_reply = bytes_in_flight::bytes(&paid);
        assert_ne!(of_reply, 0);
        let mut fault = Fault::local(Category::InvalidOutput, "no label");
        let message = fault.message.len();
        assert_eq!(bytes(&Outcome::Failed(fault.clone())), message);
        fault.invalid = Some(Arc::clone(&paid));
        assert_eq!(bytes(&Outcome::Failed(fault)), message + of_reply);
        assert_eq!(bytes(&Outcome::Replied(paid)), of_reply);
    }

    #[test]
    fn a_row_of_an_earlier_run_is_copied_to_a_single_row() {
        let Outcome::Replied(earlier) = reply("before") else {
            unreachable!("a reply")
        };
        let mut duplicates = among(&[Fingerprint(7)]);
        duplicates.succeeded_before(
            Fingerprint(7),
            1,
            "old".into(),
            Arc::unwrap_or_clone(earlier),
        );
        assert_eq!(shown(&duplicates.sort(ready(2, 7))), "2 = before of old");
        assert_eq!((duplicates.groups.len(), duplicates.kept_bytes), (0, 0));
    }
}
