//! `promptmill completions`, `man` and `help`: shell completions, manual pages and help, from one
//! table of flags.

use clap::{ArgMatches, Command};
use clap_complete::Shell;

use super::print;
use crate::engine::Failure;
use crate::exit::Exit;

/// Prints the completions for a shell.
pub(super) fn completions(matches: &ArgMatches) -> Result<Exit, Failure> {
    let shell: Shell = *matches.get_one("shell").expect("it is required");
    let mut text = Vec::new();
    clap_complete::generate(shell, &mut super::command(), "promptmill", &mut text);
    print::delivered(print::raw(&text))?;
    Ok(Exit::Complete)
}

/// Prints the manual page, or that of a verb.
pub(super) fn man(matches: &ArgMatches) -> Result<Exit, Failure> {
    let page = page(matches);
    let mut text = Vec::new();
    clap_mangen::Man::new(page)
        .source(concat!("promptmill ", env!("CARGO_PKG_VERSION")))
        .render(&mut text)
        .map_err(Failure::usage)?;
    print::delivered(print::raw(&text))?;
    Ok(Exit::Complete)
}

/// Prints the whole help, or that of a verb.
pub(super) fn help(matches: &ArgMatches) -> Result<Exit, Failure> {
    page(matches)
        .print_help()
        .or_else(|error| print::delivered(Err(error)))?;
    Ok(Exit::Complete)
}

/// The verb that is named, else promptmill itself.
fn page(matches: &ArgMatches) -> Command {
    let mut all = super::command();
    all.build();
    let verb = matches.get_one::<String>("verb");
    let page = verb.and_then(|verb| all.find_subcommand(verb));
    page.unwrap_or(&all).clone()
}
