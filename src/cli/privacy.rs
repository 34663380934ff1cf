//! What keeps prompts, completions and credentials out of core dumps and panics.

use std::any::Any;
use std::backtrace::{Backtrace, BacktraceStatus};
use std::panic::{self, Location};

use rustix::process::{Resource, Rlimit, setrlimit};

use super::print;

/// Switches both on, for the whole process.
pub(super) fn keep() {
    no_core_dumps();
    panic::set_hook(Box::new(|panicked| {
        print::said(&report(panicked.payload(), panicked.location()));
        let trace = Backtrace::capture();
        if trace.status() == BacktraceStatus::Captured {
            print::said(&trace.to_string());
        }
    }));
}

/// A core dump holds everything that was in memory. Where the system pipes dumps into a program,
/// as most desktops do, the limit alone is not obeyed.
fn no_core_dumps() {
    let none = Rlimit {
        current: Some(0),
        maximum: Some(0),
    };
    // Neither can fail for a process that gives up a right of its own.
    let _ = setrlimit(Resource::Core, none);
    #[cfg(target_os = "linux")]
    {
        use rustix::process::{DumpableBehavior, set_dumpable_behavior};
        let _ = set_dumpable_behavior(DumpableBehavior::NotDumpable);
    }
}

/// Where it happened, and the message if it stands in the source as it is. One that was made up
/// while running may quote what was being worked on: a slice of a prompt, a body.
fn report(payload: &(dyn Any + Send), location: Option<&Location<'_>>) -> String {
    let place = location.map_or_else(|| "a place unknown".to_owned(), ToString::to_string);
    match payload.downcast_ref::<&'static str>() {
        Some(message) => format!("promptmill: panic at {place}: {message}"),
        None => format!("promptmill: panic at {place}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(panics: fn(), said: &str) {
        let payload = panic::catch_unwind(panics).unwrap_err();
        assert_eq!(report(payload.as_ref(), None), said);
    }

    #[test]
    fn a_panic_never_quotes_what_was_being_worked_on() {
        let quoted = || {
            let prompt = "CANARY é";
            let _ = &prompt[..8];
        };
        check(quoted, "promptmill: panic at a place unknown");
        let failed = || {
            let read: Result<u8, _> = "CANARY".parse::<u8>();
            let _ = read.map_err(|_| "CANARY").expect("it was written by us");
        };
        check(failed, "promptmill: panic at a place unknown");
        let written = || panic!("a row without a number");
        check(
            written,
            "promptmill: panic at a place unknown: a row without a number",
        );
    }
}
