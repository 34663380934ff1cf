//! Makes inputs, runs them, keeps what is new and what breaks.

use std::collections::HashSet;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::time::Duration;

use fastrand::Rng;
use tokio::time::Instant;

use crate::tree;

/// How long each target runs, where nothing else is asked for.
const SECONDS: u64 = 4;

/// The longest an input may take: a hang is as bad as a panic.
const PATIENCE: Duration = Duration::from_secs(10);

/// The longest input that is made.
const LONGEST: usize = 64 << 10;

/// Inputs that are kept as parents.
const PARENTS: usize = 4000;

/// What the whole process may take; nothing here needs a tenth of it.
const MEMORY_KIB: u64 = 2 << 20;

/// Pieces that parsers care about.
const WORDS: &[&str] = &[
    "\n",
    "\r\n",
    "\"",
    "\"\"",
    "'",
    ",",
    ";",
    "\t",
    "{",
    "}",
    "[",
    "]",
    ":",
    "\\",
    "\\u0000",
    "\\ud800",
    "null",
    "true",
    "-1",
    "1e999",
    "0",
    "18446744073709551616",
    "NaN",
    "\u{feff}",
    "\u{0}",
    "é",
    "\u{202e}",
    "{{ ",
    " }}",
    "{% ",
    " %}",
    "{# ",
    "id",
    "prompt",
    "row",
    "status",
    "failed",
    "succeeded",
    "custom_id",
    "content",
    "text",
    "type",
    "usage",
    "delta",
    "[[",
    "]]",
    " = ",
    "\"\"\"",
    "#",
    "${",
    "range(9)",
    "|",
    "* 9",
    "for x in row",
    "endfor",
];

/// One target.
pub(crate) struct Fuzz {
    name: &'static str,
    parents: Vec<Vec<u8>>,
    rng: Rng,
}

impl Fuzz {
    pub(crate) fn new(name: &'static str, corpus: &[&[u8]]) -> Self {
        let seed = number("FUZZ_SEED").unwrap_or(1);
        Self {
            name,
            parents: corpus.iter().map(|input| input.to_vec()).collect(),
            rng: Rng::with_seed(seed),
        }
    }

    /// Runs `target`, which returns what the code said about the input.
    pub(crate) fn run(mut self, target: impl Fn(&[u8]) -> String) {
        let seconds = number("FUZZ_SECONDS").unwrap_or(SECONDS);
        let start = Instant::now();
        let (mut runs, mut said) = (0_u64, HashSet::new());
        let first = self.parents.clone();
        while start.elapsed() < Duration::from_secs(seconds) {
            let good = first.get(runs as usize);
            let input = good.cloned().unwrap_or_else(|| self.child());
            let began = Instant::now();
            let outcome = catch_unwind(AssertUnwindSafe(|| target(&input)));
            let took = began.elapsed();
            let Ok(outcome) = outcome else {
                panic!(
                    "{}: a panic; the input is in {:?}",
                    self.name,
                    self.keep(&input)
                );
            };
            assert!(
                took < PATIENCE,
                "{}: {took:?}; {:?}",
                self.name,
                self.keep(&input)
            );
            runs += 1;
            if said.insert(shape(&outcome)) && self.parents.len() < PARENTS {
                self.parents.push(input);
            }
        }
        let peak = peak_kib();
        println!(
            "{}: {runs} inputs, {} outcomes, peak {} MiB",
            self.name,
            said.len(),
            peak >> 10
        );
        assert!(
            first.len() < runs as usize,
            "{}: only {runs} inputs",
            self.name
        );
        assert!(peak < MEMORY_KIB, "{}: {peak} KiB", self.name);
    }

    fn child(&mut self) -> Vec<u8> {
        let mut input = self.parents[self.rng.usize(..self.parents.len())].clone();
        for _ in 0..self.rng.usize(1..=6) {
            self.mutate(&mut input);
        }
        input.truncate(LONGEST);
        input
    }

    fn mutate(&mut self, input: &mut Vec<u8>) {
        let rng = &mut self.rng;
        let at = rng.usize(..=input.len());
        let to = (at + rng.usize(..=16)).min(input.len());
        match rng.u8(..12) {
            0 => input.insert(at, rng.u8(..)),
            1 if at < input.len() => input[at] ^= 1 << rng.u8(..8),
            2 => drop(input.drain(at..to)),
            3 | 4 => drop(input.splice(at..at, WORDS[rng.usize(..WORDS.len())].bytes())),
            5 => drop(input.splice(at..to, WORDS[rng.usize(..WORDS.len())].bytes())),
            6 => input.truncate(at),
            7 => {
                let piece = input[at..to].repeat(1 << rng.u32(..12));
                let room = LONGEST.saturating_sub(input.len());
                drop(input.splice(at..at, piece.into_iter().take(room)));
            }
            8..=10 => tree::mutate(input, rng),
            _ => {
                let other = &self.parents[rng.usize(..self.parents.len())];
                let from = rng.usize(..=other.len());
                input.truncate(at);
                input.extend_from_slice(&other[from..]);
            }
        }
    }

    fn keep(&self, input: &[u8]) -> PathBuf {
        let path = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("fuzz-{}", self.name));
        std::fs::write(&path, input).unwrap();
        path
    }
}

/// What was said, without what it was said of: numbers, and what stands in quotes.
fn shape(said: &str) -> String {
    let mut quoted = false;
    let outside = said.chars().filter(|c| {
        quoted ^= matches!(c, '`' | '"');
        !quoted && !c.is_ascii_digit()
    });
    outside.take(200).collect()
}

fn number(variable: &str) -> Option<u64> {
    std::env::var(variable).ok()?.parse().ok()
}

/// The most memory this process ever held; 0 where the system does not say.
fn peak_kib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let digits = line.map(|line| line.trim().trim_end_matches(" kB").to_owned());
    digits.and_then(|digits| digits.parse().ok()).unwrap_or(0)
}
