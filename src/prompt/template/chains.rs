//! How deep the expressions of a template would nest once they are parsed.
//!
//! The engine bounds brackets and blocks, and not chains: `a + b + c` is a tree as deep as it is long,
//! and so are `a | f | g`, `not not a` and `{% elif %}`. What walks down such a tree uses the stack, and a
//! stack that overflows ends the process. So chains are counted before the engine sees them, by the
//! tokens that its own lexer would find.

/// The most links of a chain, with those around it. A debug build overflows the stack of a thread of the
/// runtime (2 MiB) at more than 1,000, and at more than 100 branches of an `elif`.
const MOST_LINKS: usize = 400;
const MOST_BRANCHES: usize = 100;

/// A template that the engine could not parse without running out of stack.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct TooDeep {
    /// Where the chain has become too long, from 1.
    pub(super) line: usize,
    /// What is wrong, and what to do.
    pub(super) problem: String,
}

/// Words of a template's code, not of the text around it, that let values nest in themselves.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Words {
    /// How often it assigns, with `{% set %}`.
    pub(super) assignments: usize,
    /// Whether it names `namespace`.
    pub(super) has_namespace: bool,
}

/// Rejects a template whose chains are too long, and tells of its words.
pub(super) fn check(source: &str) -> Result<Words, TooDeep> {
    let mut lexer = Lexer {
        source,
        at: 0,
        links: vec![0],
        branches: Vec::new(),
        words: Words::default(),
    };
    match lexer.check() {
        Ok(()) => Ok(lexer.words),
        Err(problem) => Err(TooDeep {
            line: source[..lexer.at.min(source.len())].matches('\n').count() + 1,
            problem,
        }),
    }
}

/// Words that make their expression one level deeper.
const OPERATORS: [&str; 7] = ["and", "or", "not", "in", "is", "if", "else"];

struct Lexer<'s> {
    source: &'s str,
    at: usize,
    /// The links so far, of each bracket that is open; the first is around all of them.
    links: Vec<usize>,
    /// The branches so far of each `if` that is open.
    branches: Vec<usize>,
    words: Words,
}

impl Lexer<'_> {
    fn rest(&self) -> &[u8] {
        &self.source.as_bytes()[self.at.min(self.source.len())..]
    }

    fn check(&mut self) -> Result<(), String> {
        while let Some(start) = find(self.rest(), |two| matches!(two, b"{{" | b"{%" | b"{#")) {
            self.at += start + 2;
            let kind = self.source.as_bytes()[self.at - 1];
            // `{%-` and `{%+` begin a tag as `{%` does.
            if kind != b'#' && matches!(self.rest().first(), Some(b'-' | b'+')) {
                self.at += 1;
            }
            match kind {
                b'#' => match find(self.rest(), |two| two == b"#}") {
                    Some(end) => self.at += end + 2,
                    // The engine says what is wrong.
                    None => return Ok(()),
                },
                b'%' => match tag(self.rest(), b"raw", false) {
                    Some(length) => {
                        self.at += length;
                        self.skip_raw();
                    }
                    None => self.code(b"%}")?,
                },
                _ => self.code(b"}}")?,
            }
        }
        Ok(())
    }

    fn skip_raw(&mut self) {
        while let Some(start) = find(self.rest(), |two| two == b"{%") {
            self.at += start + 2;
            if let Some(length) = tag(self.rest(), b"endraw", true) {
                self.at += length;
                return;
            }
        }
        self.at = self.source.len();
    }

    /// Reads the tokens up to `end`, which is no end within brackets.
    fn code(&mut self, end: &[u8; 2]) -> Result<(), String> {
        self.links = vec![0];
        let mut is_first = true;
        loop {
            let rest = self.rest();
            let Some(&byte) = rest.first() else {
                return Ok(());
            };
            if byte.is_ascii_whitespace() {
                self.at += 1;
                continue;
            }
            let is_open = self.links.len() == 1;
            if is_open && rest.starts_with(end) {
                self.at += 2;
                return Ok(());
            }
            if is_open && matches!(byte, b'-' | b'+') && rest[1..].starts_with(end) {
                self.at += 3;
                return Ok(());
            }
            self.token(byte, is_first)?;
            is_first = false;
        }
    }

    fn token(&mut self, byte: u8, is_first: bool) -> Result<(), String> {
        let rest = self.rest();
        match byte {
            b'"' | b'\'' => self.at += string(rest),
            b',' => {
                self.at += 1;
                self.of_bracket(|links| *links = 0);
            }
            b'(' | b'[' | b'{' => {
                self.at += 1;
                self.link()?;
                self.links.push(0);
            }
            b')' | b']' | b'}' => {
                self.at += 1;
                if 1 < self.links.len() {
                    self.links.pop();
                }
            }
            _ if byte.is_ascii_alphanumeric() || byte == b'_' || !byte.is_ascii() => {
                let is_part =
                    |byte: &u8| byte.is_ascii_alphanumeric() || *byte == b'_' || !byte.is_ascii();
                let length = rest.iter().take_while(|byte| is_part(byte)).count();
                let word = &self.source[self.at..self.at + length];
                self.at += length;
                match word {
                    "if" if is_first => self.branches.push(0),
                    "elif" if is_first => self.branch()?,
                    "endif" if is_first => drop(self.branches.pop()),
                    "set" if is_first => self.words.assignments += 1,
                    "namespace" => self.words.has_namespace = true,
                    word if OPERATORS.contains(&word) => self.link()?,
                    _ => {}
                }
            }
            _ => {
                self.at += 1;
                self.link()?;
            }
        }
        Ok(())
    }

    fn of_bracket(&mut self, change: impl FnOnce(&mut usize)) {
        if let Some(links) = self.links.last_mut() {
            change(links);
        }
    }

    fn link(&mut self) -> Result<(), String> {
        self.of_bracket(|links| *links += 1);
        match MOST_LINKS < self.links.iter().sum() {
            true => Err(format!(
                "an expression with more than {MOST_LINKS} operators, filters or calls in a chain; keep \
                 lists in the input, or set parts of it with {{% set %}}"
            )),
            false => Ok(()),
        }
    }

    fn branch(&mut self) -> Result<(), String> {
        if let Some(branches) = self.branches.last_mut() {
            *branches += 1;
        }
        match MOST_BRANCHES < self.branches.iter().sum() {
            true => Err(format!(
                "more than {MOST_BRANCHES} branches of {{% elif %}}; look the value up in a dictionary"
            )),
            false => Ok(()),
        }
    }
}

/// Where two bytes stand that are wanted.
fn find(bytes: &[u8], is_wanted: impl Fn(&[u8]) -> bool) -> Option<usize> {
    bytes.windows(2).position(is_wanted)
}

/// The length of a string, with its quotes.
fn string(rest: &[u8]) -> usize {
    let mut is_escaped = false;
    let end = rest[1..].iter().position(|&byte| {
        let ends = byte == rest[0] && !is_escaped;
        is_escaped = byte == b'\\' && !is_escaped;
        ends
    });
    end.map_or(rest.len(), |end| end + 2)
}

/// The length of a tag of one word up to its end, behind its `{%`.
fn tag(rest: &[u8], word: &[u8], may_have_sign: bool) -> Option<usize> {
    let sign = usize::from(may_have_sign && matches!(rest.first(), Some(b'-' | b'+')));
    let blank = |bytes: &[u8]| {
        bytes
            .iter()
            .take_while(|it| it.is_ascii_whitespace())
            .count()
    };
    let mut at = sign + blank(&rest[sign..]);
    at += rest[at..].starts_with(word).then_some(word.len())?;
    at += blank(&rest[at..]);
    at += usize::from(matches!(rest.get(at), Some(b'-' | b'+')));
    rest[at..].starts_with(b"%}").then_some(at + 2)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_those_of_the_code_and_not_of_the_text() {
        for (source, assignments, has_namespace) in [
            (
                "{% set a = 1 %}{%- set b = 2 -%}{% set c %}x{% endset %}",
                3,
                false,
            ),
            ("{% set ns = namespace(x=1) %}", 1, true),
            ("{{ namespace(x=1) }}", 0, true),
            (
                "set the namespace of the dataset {{ settings }} {{ x.offset }}",
                0,
                false,
            ),
            ("{# {% set a = namespace() %} #}", 0, false),
            ("{% raw %}{% set a = namespace() %}{% endraw %}", 0, false),
            (
                "{{ 'namespace' }}{% if x == \"set\" %}{% endif %}",
                0,
                false,
            ),
        ] {
            let found = Words {
                assignments,
                has_namespace,
            };
            assert_eq!(check(source), Ok(found), "{source}");
        }
    }

    /// Templates of `n` links or branches, each in another way.
    fn chains(n: usize) -> Vec<String> {
        let of = |link: &str| link.repeat(n);
        vec![
            format!("{{{{ x{} }}}}", of("+1")),
            format!("{{{{ x{} }}}}", of("\n~ x")),
            format!("{{{{ x {} }}}}", of("|trim")),
            format!("{{{{ x{} }}}}", of(".strip()")),
            format!("{{{{ x{} }}}}", of("[0]")),
            format!("{{{{ x{} }}}}", of(" and x")),
            format!("{{{{ x{} }}}}", of(" is defined")),
            format!("{{{{ {} x }}}}", of("not ")),
            format!("{{{{ {} 1 }}}}", of("-")),
            format!("{{{{ {} x }}}}", of("x if x else ")),
            format!("{{% if x{} %}}{{% endif %}}", of(" or x")),
            format!("{{% set y = x{} %}}", of("~x")),
            format!("{{{{ '}}}}' {} }}}}", of("~'{%'")),
            format!("{{% raw %}}{{{{ ' {{% endraw %}}{{{{ x{} }}}}", of("*2")),
            format!("{{# ' #}}{{{{ x{} }}}}", of("//2")),
            format!("{{{{ [x, (x{})] }}}}", of("%2")),
            format!("{{% if x %}}{}{{% endif %}}", of("{% elif x %}")),
            format!("{{%- if x %}}{}{{% endif %}}", of("{%- elif x -%}")),
            format!("{{%- raw %}}{{{{ ' {{%- endraw %}}{{{{ x{} }}}}", of("*2")),
        ]
    }

    #[test]
    fn a_chain_that_would_overflow_the_stack_is_rejected_in_every_form() {
        for source in chains(50_000) {
            let shown = &source[..40];
            let problem = check(&source).expect_err(shown).problem;
            assert!(problem.contains("more than"), "{shown}: {problem}");
        }
        for source in chains(90) {
            assert_eq!(check(&source).map(drop), Ok(()), "{source}");
        }
    }

    #[test]
    fn long_lists_and_many_expressions_are_no_chains() {
        let many = 50_000;
        for source in [
            format!("{{% set x = [{}] %}}", "1.5, ".repeat(many)),
            format!("{{% set x = {{{}}} %}}", "'a': [1, -2], ".repeat(many)),
            "{{ x + 1 }} it's (that) - ".repeat(many),
            "{% if x %}a{% elif y %}b{% endif %}".repeat(many),
            format!("{{% raw %}}{}{{% endraw %}}", "{{ x+x }}".repeat(many)),
            format!("{{# {} #}}", "{{ x".repeat(many)),
            format!("{{{{ '{}' }}}}", "a.b+c".repeat(many)),
            "a - b | c ".repeat(many),
        ] {
            assert_eq!(check(&source).map(drop), Ok(()), "{}", &source[..40]);
        }
    }

    #[test]
    fn the_line_of_the_chain_is_named() {
        let source = format!("one\n{{{{ x{} }}}}", "\n+ 1".repeat(1000));
        assert_eq!(check(&source).expect_err("too long").line, MOST_LINKS + 3);
    }
}
