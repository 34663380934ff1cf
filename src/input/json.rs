//! JSON documents: one array of objects, or objects one after another over any number of lines. The
//! array may be inside of objects, at a path that the job gives.
//!
//! Only the ends of the elements are looked for here, by strings, escapes and nesting; what lies
//! between is read as one record. So the document is never held whole, and an element that is
//! broken inside is one bad row.

use std::io::{self, BufRead};

use super::error::InputError;
use super::jsonl::object;
use super::line_records::too_long;
use super::path::unescaped;
use super::{BOM, ENDLESS_RECORD, LONGEST_RECORD, Row, endless};

/// The records of a JSON document.
pub(super) struct Elements<R> {
    name: String,
    reader: R,
    place: Surroundings,
    /// The names of the objects around the array, outermost first.
    around: Vec<String>,
    row: u64,
    line: u64,
    element: Vec<u8>,
}

/// What surrounds the next element.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Surroundings {
    Start,
    Array,
    Sequence,
    Behind,
    /// Behind one value inside of an object.
    Value,
}

/// How deep inside an element the reading is.
#[derive(Default)]
struct ElementDepth {
    depth: u64,
    text: StringState,
    /// Whether any byte was seen.
    has_begun: bool,
    /// Whether a string, list or object has been closed at the outermost level.
    has_ended: bool,
}

/// Where the reading is with regard to strings.
#[derive(Default, Clone, Copy, PartialEq, Eq)]
enum StringState {
    #[default]
    Outside,
    Inside,
    Escaped,
}

impl<R: BufRead> Elements<R> {
    pub(super) fn new(name: &str, reader: R) -> Self {
        Self {
            name: name.into(),
            reader,
            place: Surroundings::Start,
            around: Vec::new(),
            row: 0,
            line: 1,
            element: Vec::new(),
        }
    }

    /// The elements of the array at `path`: a JSON pointer such as `/data`, or a name.
    pub(super) fn at(path: &str, name: &str, reader: R) -> Self {
        let path = path.strip_prefix('/').unwrap_or(path);
        Self {
            around: path.split('/').map(unescaped).collect(),
            ..Self::new(name, reader)
        }
    }

    fn advance(&mut self) -> Result<Option<Row>, InputError> {
        if self.place == Surroundings::Start && !self.around.is_empty() {
            self.enter()?;
        }
        let first = self.skip_blanks()?;
        match (self.place, first) {
            (Surroundings::Start, Some(b'[')) => {
                self.consume();
                self.place = Surroundings::Array;
                self.advance()
            }
            (Surroundings::Start | Surroundings::Sequence, Some(b'{')) => {
                self.place = Surroundings::Sequence;
                self.read_element().map(Some)
            }
            (Surroundings::Start | Surroundings::Sequence, Some(_)) => {
                Err(self.malformed("not JSON: an object or an array of objects is expected"))
            }
            (Surroundings::Array, Some(b']')) => {
                self.consume();
                self.place = Surroundings::Behind;
                self.leave()?;
                self.advance()
            }
            (Surroundings::Array, Some(_)) => self.read_element().map(Some),
            (Surroundings::Array, None) => Err(self.cut_short()),
            (Surroundings::Behind, Some(_)) => {
                Err(self.malformed("text after the end of the array"))
            }
            (Surroundings::Start | Surroundings::Sequence | Surroundings::Behind, None) => Ok(None),
            (Surroundings::Value, _) => Err(self.malformed("not JSON: a value ends too early")),
        }
    }

    /// Goes to the beginning of the array inside of the objects around it.
    fn enter(&mut self) -> Result<(), InputError> {
        for depth in 0..self.around.len() {
            let first = self.skip_blanks()?;
            if first == Some(b'[') && self.around[depth].parse::<u64>().is_ok() {
                self.consume();
                self.find_item(depth)?;
                continue;
            }
            if first != Some(b'{') {
                let message = format!("no object that has `{}`", self.around[depth]);
                return Err(self.no_records(&message));
            }
            self.consume();
            self.find_name(depth)?;
        }
        match self.skip_blanks()? {
            Some(b'[') => Ok(()),
            _ => Err(self.no_records("no list")),
        }
    }

    /// Skips the items of a list up to the one whose number, from 0, the path names.
    fn find_item(&mut self, depth: usize) -> Result<(), InputError> {
        let index: u64 = self.around[depth].parse().unwrap_or(u64::MAX);
        self.place = Surroundings::Array;
        for _ in 0..index {
            match self.skip_blanks()? {
                None => return Err(self.cut_short()),
                Some(b']') => break,
                Some(_) => self.collect_element()?,
            }
        }
        match self.skip_blanks()? {
            None => Err(self.cut_short()),
            Some(b']') => {
                let message = format!("no item {index} in the list");
                Err(self.no_records(&message))
            }
            Some(_) => {
                self.place = Surroundings::Start;
                Ok(())
            }
        }
    }

    /// Skips the fields of an object up to the value of the one that the path names.
    fn find_name(&mut self, depth: usize) -> Result<(), InputError> {
        self.place = Surroundings::Value;
        loop {
            match self.skip_blanks()? {
                Some(b'"') => {}
                Some(b',') => {
                    self.consume();
                    continue;
                }
                None => return Err(self.cut_short()),
                Some(_) => {
                    let message = format!("no field `{}`", self.around[depth]);
                    return Err(self.no_records(&message));
                }
            }
            self.collect_element()?;
            let name: Result<String, _> = serde_json::from_slice(&self.element);
            let name = name.map_err(|error| self.malformed(&format!("not JSON: {error}")))?;
            if self.skip_blanks()? != Some(b':') {
                return Err(self.malformed("not JSON: a colon is missing"));
            }
            self.consume();
            if name == self.around[depth] {
                self.skip_blanks()?;
                self.place = Surroundings::Start;
                return Ok(());
            }
            self.skip_blanks()?;
            self.collect_element()?;
        }
    }

    /// Reads to the end of the objects around the array, so that a document that is cut short does
    /// not look like a whole one.
    fn leave(&mut self) -> Result<(), InputError> {
        let mut nesting = ElementDepth {
            depth: self.around.len() as u64,
            ..ElementDepth::default()
        };
        while !nesting.is_closed() {
            let Some(byte) = self.peek()? else {
                return Err(self.cut_short());
            };
            nesting.step(byte);
            self.line += u64::from(byte == b'\n');
            self.consume();
        }
        Ok(())
    }

    fn no_records(&self, found: &str) -> InputError {
        InputError::NoRecords {
            name: self.name.clone(),
            line: self.line,
            path: self.around.join("/"),
            found: found.into(),
        }
    }

    fn read_element(&mut self) -> Result<Row, InputError> {
        self.row += 1;
        let (row, line) = (self.row, self.line);
        self.collect_element()?;
        if LONGEST_RECORD < self.element.len() {
            return Ok(Err(too_long(row, line)));
        }
        Ok(object(self.element.trim_ascii_end(), row, line))
    }

    /// Reads to the end of the element: in an array its comma, which is passed over, or the
    /// closing bracket, which is not.
    fn collect_element(&mut self) -> Result<(), InputError> {
        self.element.clear();
        let mut nesting = ElementDepth::default();
        let (line, mut length) = (self.line, 0);
        loop {
            if self.peek()?.is_none() {
                return Err(self.cut_short());
            }
            let chunk = self.reader.fill_buf().unwrap_or_default(); // filled by `peek`
            let end = nesting.end_in(chunk, self.place);
            let part = &chunk[..end.unwrap_or(chunk.len())];
            let room = (LONGEST_RECORD + 1).saturating_sub(self.element.len());
            self.element
                .extend_from_slice(&part[..part.len().min(room)]);
            self.line += part.iter().filter(|byte| **byte == b'\n').count() as u64;
            let comma = usize::from(end.is_some() && chunk.get(part.len()) == Some(&b','));
            let used = part.len() + comma * usize::from(self.place == Surroundings::Array);
            self.reader.consume(used);
            if end.is_some() {
                return Ok(());
            }
            length += used as u64;
            if ENDLESS_RECORD < length {
                return Err(endless(&self.name, line));
            }
        }
    }

    /// Skips white space and the byte order marks of joined files; gives the byte that follows.
    fn skip_blanks(&mut self) -> Result<Option<u8>, InputError> {
        while let Some(byte) = self.peek()? {
            if !byte.is_ascii_whitespace() && !BOM.contains(&byte) {
                return Ok(Some(byte));
            }
            self.consume();
            if byte == b'\n' {
                self.line += 1;
            }
        }
        Ok(None)
    }

    fn peek(&mut self) -> Result<Option<u8>, InputError> {
        loop {
            match self.reader.fill_buf() {
                Ok(buffer) => return Ok(buffer.first().copied()),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(source) => {
                    let line = self.line.saturating_sub(1);
                    return Err(InputError::broken(self.name.clone(), line, source));
                }
            }
        }
    }

    fn consume(&mut self) {
        self.reader.consume(1);
    }

    fn malformed(&self, problem: &str) -> InputError {
        InputError::Malformed {
            name: self.name.clone(),
            line: self.line,
            problem: problem.into(),
        }
    }

    fn cut_short(&self) -> InputError {
        self.malformed(
            "the document ends inside an element or array; a bracket or quote is missing",
        )
    }
}

impl<R: BufRead> Iterator for Elements<R> {
    type Item = Result<Row, InputError>;

    fn next(&mut self) -> Option<Self::Item> {
        self.advance().transpose()
    }
}

impl ElementDepth {
    /// Where in `chunk` the element ends, if it does: before the comma or bracket that follows it
    /// in an array, behind its own closing brace in a sequence.
    fn end_in(&mut self, chunk: &[u8], place: Surroundings) -> Option<usize> {
        for (at, &byte) in chunk.iter().enumerate() {
            if place == Surroundings::Array && matches!(byte, b',' | b']') && self.is_closed() {
                return Some(at);
            }
            if place == Surroundings::Value && self.is_closed() && self.ends_value(byte) {
                return Some(at);
            }
            self.has_begun = true;
            self.step(byte);
            if place == Surroundings::Sequence && byte == b'}' && self.is_closed() {
                return Some(at + 1);
            }
        }
        None
    }

    /// Whether this byte stands behind a value in an object.
    fn ends_value(&self, byte: u8) -> bool {
        let is_behind = byte.is_ascii_whitespace() || matches!(byte, b',' | b':' | b'}' | b']');
        self.has_ended || (self.has_begun && is_behind)
    }

    fn step(&mut self, byte: u8) {
        self.step_in(byte);
        self.has_ended |= self.is_closed() && matches!(byte, b'"' | b'}' | b']');
    }

    fn step_in(&mut self, byte: u8) {
        match (self.text, byte) {
            (StringState::Outside, b'"') => self.text = StringState::Inside,
            (StringState::Outside, b'{' | b'[') => self.depth += 1,
            (StringState::Outside, b'}' | b']') => self.depth = self.depth.saturating_sub(1),
            (StringState::Inside, b'"') => self.text = StringState::Outside,
            (StringState::Inside, b'\\') => self.text = StringState::Escaped,
            (StringState::Escaped, _) => self.text = StringState::Inside,
            (StringState::Outside | StringState::Inside, _) => {}
        }
    }

    fn is_closed(&self) -> bool {
        self.depth == 0 && self.text == StringState::Outside
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::check;
    use super::*;

    #[track_caller]
    fn read(text: &str, expected: &str) {
        check(Elements::new("in.json", text.as_bytes()), expected);
        let bytewise = std::io::BufReader::with_capacity(1, text.as_bytes());
        check(Elements::new("in.json", bytewise), expected);
    }

    #[test]
    fn elements_of_an_array_are_records() {
        read(
            "\n [ {\"b\":[1,{\"c\":\"]},\\\"{\"}]},\r\n\n{\"a\":\"\\\\\"} , {\n\"a\":\n2}]\n ",
            r#"
            1:2 {"b":[1,{"c":"]},\"{"}]}
            2:4 {"a":"\\"}
            3:4 {"a":2}
            "#,
        );
        read("[]", "");
        read("[{}]", "1:1 {}");
    }

    #[test]
    fn objects_one_after_another_are_records() {
        read(
            "{\n  \"a\": 1\n}\n{\"a\":2}{\"a\":3}",
            r#"
            1:1 {"a":1}
            2:4 {"a":2}
            3:4 {"a":3}
            "#,
        );
    }

    #[test]
    fn a_broken_element_is_a_bad_row_and_the_next_is_read() {
        read(
            "[{\"a\":1,\n\"b\"},\n7,\n{\"a\":2}},\n{\"a\":3}]",
            r#"
            row 1 (line 1): line 2, column 4: not JSON: expected `:`
            row 2 (line 3): a number where an object is expected, such as {"prompt": "…"}
            row 3 (line 4): column 8: not JSON: trailing characters
            4:5 {"a":3}
            "#,
        );
    }

    #[track_caller]
    fn read_at(path: &str, text: &str, expected: &str) {
        check(Elements::at(path, "in.json", text.as_bytes()), expected);
        let bytewise = std::io::BufReader::with_capacity(1, text.as_bytes());
        check(Elements::at(path, "in.json", bytewise), expected);
    }

    #[test]
    fn rows_inside_of_objects_are_reached_by_their_path() {
        let text = r#"{"n": 1, "s":"]}\"","data":[9],"o":{"x":[{"no":1}],
            "data" : [ {"a":1} , {"a":[2]}]}, "rest": {"a":[]}}"#;
        read_at("/o/data", text, "1:2 {\"a\":1}\n2:2 {\"a\":[2]}");
        read_at("rows", r#"{"rows":[]}"#, "");
        read_at("/a~1b", r#"{"a/b":[{}]}"#, "1:1 {}");
        let list = r#"[{"rows":[7]}, "]", {"n":[1,2],"rows":[[{"no":1}],[{"a":1},{"a":2}]]}, 3]"#;
        read_at("/2/rows/1", list, "1:1 {\"a\":1}\n2:1 {\"a\":2}");
        read_at("0", "[[{\"a\":1}]]", "1:1 {\"a\":1}");
        read_at("0", "{\"0\":[{\"a\":1}]}", "1:1 {\"a\":1}");
        read_at(
            "/4/rows",
            list,
            "in.json: line 1: `records` is `4/rows`, and there is no item 4 in the list; name the \
             list of rows by its path, such as /data",
        );
        let no = "in.json: line 1: `records` is `rows`, and there is";
        let name = "name the list of rows by its path, such as /data";
        read_at(
            "rows",
            r#"{"data":[]}"#,
            &format!("{no} no field `rows`; {name}"),
        );
        read_at("/rows", r#"{"rows":{}}"#, &format!("{no} no list; {name}"));
        read_at(
            "/rows",
            "[]",
            &format!("{no} no object that has `rows`; {name}"),
        );
    }

    #[test]
    fn a_document_that_is_cut_short_behind_its_rows_is_an_error() {
        let cut = "the document ends inside an element or array; a bracket or quote is missing";
        for text in [
            r#"{"data":[{}]"#,
            r#"{"data":[{}],"x":{"#,
            r#"{"data":[{}],"x":"}"#,
        ] {
            read_at("data", text, &format!("1:1 {{}}\nin.json: line 1: {cut}"));
        }
        read_at("data", r#"{"x":1"#, &format!("in.json: line 1: {cut}"));
    }

    #[test]
    fn a_document_that_is_cut_short_is_an_error() {
        let cut = "the document ends inside an element or array; a bracket or quote is missing";
        read(
            "[{\"a\":1},\n",
            &format!("1:1 {{\"a\":1}}\nin.json: line 2: {cut}"),
        );
        read("[{\"a\":1", &format!("in.json: line 1: {cut}"));
        read("[{\"a\":\"1}]", &format!("in.json: line 1: {cut}"));
        read("[] []", "in.json: line 1: text after the end of the array");
        read(
            "7",
            "in.json: line 1: not JSON: an object or an array of objects is expected",
        );
    }
}
