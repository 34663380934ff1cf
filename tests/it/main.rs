//! Everything that is tested through the binary: text and files in, text and files out.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on says where")]

mod architecture;
mod bad_input;
mod caching;
mod cases;
mod charges;
mod check;
mod emulator;
mod environment;
mod families;
mod faults;
mod flat;
mod guides;
mod harness;
mod help;
mod hostile;
mod images;
mod independent;
mod inputs;
mod jobs;
mod ledger;
mod library;
mod limits;
mod made_up;
mod manual;
mod models;
mod old_outputs;
mod output;
mod pace;
mod plan;
mod prices;
mod quotas;
mod real_data;
mod redo;
mod reference;
mod replies;
mod resume;
mod secrets;
mod sharing;
mod shell;
mod signals;
mod soak;
mod state;
mod streaming;
