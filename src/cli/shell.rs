//! `promptmill completions` and `promptmill man`: what a shell and a reader of manuals want, from
//! the same table of flags as the help.

use clap::ArgMatches;
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
    let mut all = super::command().disable_help_subcommand(true);
    all.build();
    let verb = matches.get_one::<String>("verb");
    let page = verb.and_then(|verb| all.find_subcommand(verb));
    let page = page.unwrap_or(&all).clone();
    let mut text = Vec::new();
    clap_mangen::Man::new(page)
        .source(concat!("promptmill ", env!("CARGO_PKG_VERSION")))
        .render(&mut text)
        .map_err(Failure::usage)?;
    print::delivered(print::raw(&text))?;
    Ok(Exit::Complete)
}
