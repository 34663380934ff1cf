//! The pages for readers, and what of Markdown the tests look at: fenced blocks, directives in
//! comments, links, headings.
//!
//! A directive is a comment on the line above a block:
//!
//! - `<!-- aws -->`: the commands need an AWS account; they are parsed, not run.
//! - `<!-- parsed: REASON -->`: parsed, not run, for another reason.
//! - `<!-- exits N -->`: the block ends with this exit code, where it is not 0.
//! - `<!-- varies -->`: chance decides what is printed; only the first words of its lines are compared.
//! - `<!-- needs TOOL -->`: run where TOOL is installed, else parsed.
//!
//! A `text` block right behind an `sh` block is what the `sh` block prints.

use std::path::{Path, PathBuf};

use crate::harness::repository;

/// A fenced block of a page.
#[derive(Debug, Clone)]
pub(crate) struct Block {
    /// What stands behind the opening fence, such as `sh`.
    pub(crate) language: String,
    /// The number of its first line in the file, from 1.
    pub(crate) line: usize,
    /// Its text, with a line break at its end.
    pub(crate) text: String,
    /// The directive above it, without the comment's marks.
    pub(crate) directive: Option<String>,
    /// Whether nothing but empty lines stands between it and the block before.
    pub(crate) follows: bool,
}

/// A page for readers.
#[derive(Debug, Clone)]
pub(crate) struct Page {
    /// Its path in the repository.
    pub(crate) name: String,
    /// Its text.
    pub(crate) text: String,
}

/// Every Markdown file of the repository that readers are meant to see.
pub(crate) fn pages() -> Vec<Page> {
    let mut paths = Vec::new();
    collect(repository(), false, &mut paths);
    for folder in ["docs", "crates", "python", "deploy"] {
        collect(&repository().join(folder), true, &mut paths);
    }
    paths.sort();
    paths.iter().map(|path| page(path)).collect()
}

/// The pages of which every command is run: the README and the guides.
pub(crate) fn guides() -> Vec<Page> {
    let is_guide = |page: &Page| page.name == "README.md" || page.name.starts_with("docs/");
    pages().into_iter().filter(is_guide).collect()
}

fn page(path: &Path) -> Page {
    let name = path.strip_prefix(repository()).unwrap();
    Page {
        name: name.to_str().unwrap().to_owned(),
        text: std::fs::read_to_string(path).unwrap(),
    }
}

fn collect(folder: &Path, deep: bool, paths: &mut Vec<PathBuf>) {
    let Ok(entries) = std::fs::read_dir(folder) else {
        return;
    };
    for entry in entries {
        let path = entry.unwrap().path();
        let is_built = path.ends_with("target") || path.ends_with("node_modules");
        if path.is_dir() && deep && !is_built {
            collect(&path, deep, paths);
        } else if path.extension().is_some_and(|end| end == "md") {
            paths.push(path);
        }
    }
}

impl Page {
    /// Its fenced blocks, in order.
    pub(crate) fn blocks(&self) -> Vec<Block> {
        let mut blocks: Vec<Block> = Vec::new();
        let mut open: Option<Block> = None;
        let (mut directive, mut follows) = (None, false);
        for (at, line) in self.text.lines().enumerate() {
            let trimmed = line.trim();
            if let Some(block) = &mut open {
                if trimmed == "```" {
                    blocks.extend(open.take());
                    follows = true;
                } else {
                    block.text.push_str(line);
                    block.text.push('\n');
                }
            } else if let Some(language) = trimmed.strip_prefix("```") {
                open = Some(Block {
                    language: language.to_owned(),
                    line: at + 2,
                    text: String::new(),
                    directive: directive.take(),
                    follows,
                });
            } else if let Some(comment) = trimmed.strip_prefix("<!--") {
                let comment = comment.trim_end_matches("-->").trim();
                directive = Some(comment.to_owned());
                follows = false;
            } else if !trimmed.is_empty() {
                (directive, follows) = (None, false);
            }
        }
        assert!(open.is_none(), "{}: a block is not closed", self.name);
        blocks
    }

    /// Its lines outside fenced blocks, with their numbers from 1.
    pub(crate) fn prose(&self) -> Vec<(usize, &str)> {
        let mut fenced = false;
        let lines = self.text.lines().enumerate().filter(|(_, line)| {
            let is_fence = line.trim_start().starts_with("```");
            fenced ^= is_fence;
            !fenced && !is_fence
        });
        lines.map(|(at, line)| (at + 1, line)).collect()
    }

    /// The anchors of its headings, as GitHub makes them.
    pub(crate) fn anchors(&self) -> Vec<String> {
        let headings = self.prose().into_iter().filter_map(|(_, line)| {
            let text = line.trim_start_matches('#');
            (text.len() < line.len() && text.starts_with(' ')).then(|| anchor(text.trim()))
        });
        headings.collect()
    }

    /// The targets of its links, with the line of each.
    pub(crate) fn links(&self) -> Vec<(usize, String)> {
        let prose = self.prose();
        let links = prose.iter().flat_map(|(line, text)| {
            // What stands in backticks is no link; a link's text may have backticks in it.
            let inline = without_code(text);
            let targets: Vec<_> = inline
                .match_indices("](")
                .filter_map(|(at, _)| inline[at + 2..].split_once(')'))
                .map(|(target, _)| (*line, target.to_owned()))
                .collect();
            targets
        });
        links.collect()
    }
}

fn without_code(line: &str) -> String {
    line.split('`').step_by(2).collect()
}

fn anchor(heading: &str) -> String {
    let kept = heading.to_lowercase();
    let kept = kept.chars().filter_map(|char| match char {
        ' ' => Some('-'),
        '-' | '_' => Some(char),
        char => char.is_alphanumeric().then_some(char),
    });
    kept.collect()
}
