//! JSON documents: one array of objects, or objects one after another over any number of lines.
//!
//! Only the ends of the elements are looked for here, by strings, escapes and nesting; what lies
//! between is read as one record. So the document is never held whole, and an element that is
//! broken inside is one bad row.

use std::io::{self, BufRead};

use super::error::InputError;
use super::jsonl::{object, too_long};
use super::{ENDLESS_RECORD, LONGEST_RECORD, Row, endless};

/// The records of a JSON document.
pub(super) struct Elements<R> {
    name: String,
    reader: R,
    place: Place,
    row: u64,
    line: u64,
    element: Vec<u8>,
}

/// What surrounds the next element.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    Start,
    Array,
    Sequence,
    Behind,
}

/// How deep inside an element the reading is.
#[derive(Default)]
struct Nesting {
    depth: u64,
    text: Text,
}

/// Where the reading is with regard to strings.
#[derive(Default, Clone, Copy, PartialEq, Eq)]
enum Text {
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
            place: Place::Start,
            row: 0,
            line: 1,
            element: Vec::new(),
        }
    }

    fn advance(&mut self) -> Result<Option<Row>, InputError> {
        let first = self.skip_blanks()?;
        match (self.place, first) {
            (Place::Start, Some(b'[')) => {
                self.consume();
                self.place = Place::Array;
                self.advance()
            }
            (Place::Start | Place::Sequence, Some(b'{')) => {
                self.place = Place::Sequence;
                self.read_element().map(Some)
            }
            (Place::Start | Place::Sequence, Some(_)) => {
                Err(self.malformed("not JSON: an object or an array of objects is expected"))
            }
            (Place::Array, Some(b']')) => {
                self.consume();
                self.place = Place::Behind;
                self.advance()
            }
            (Place::Array, Some(_)) => self.read_element().map(Some),
            (Place::Array, None) => Err(self.cut_short()),
            (Place::Behind, Some(_)) => Err(self.malformed("text behind the end of the array")),
            (Place::Start | Place::Sequence | Place::Behind, None) => Ok(None),
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
        let mut nesting = Nesting::default();
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
            let used = part.len() + comma * usize::from(self.place == Place::Array);
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

    /// Passes over white space; gives the byte that follows it.
    fn skip_blanks(&mut self) -> Result<Option<u8>, InputError> {
        while let Some(byte) = self.peek()? {
            if !byte.is_ascii_whitespace() {
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

impl Nesting {
    /// Where in `chunk` the element ends, if it does: before the comma or bracket that follows it
    /// in an array, behind its own closing brace in a sequence.
    fn end_in(&mut self, chunk: &[u8], place: Place) -> Option<usize> {
        for (at, &byte) in chunk.iter().enumerate() {
            if place == Place::Array && matches!(byte, b',' | b']') && self.is_closed() {
                return Some(at);
            }
            self.step(byte);
            if place == Place::Sequence && byte == b'}' && self.is_closed() {
                return Some(at + 1);
            }
        }
        None
    }

    fn step(&mut self, byte: u8) {
        match (self.text, byte) {
            (Text::Outside, b'"') => self.text = Text::Inside,
            (Text::Outside, b'{' | b'[') => self.depth += 1,
            (Text::Outside, b'}' | b']') => self.depth = self.depth.saturating_sub(1),
            (Text::Inside, b'"') => self.text = Text::Outside,
            (Text::Inside, b'\\') => self.text = Text::Escaped,
            (Text::Escaped, _) => self.text = Text::Inside,
            (Text::Outside | Text::Inside, _) => {}
        }
    }

    fn is_closed(&self) -> bool {
        self.depth == 0 && self.text == Text::Outside
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

    #[test]
    fn a_document_that_is_cut_short_is_an_error() {
        let cut = "the document ends inside an element or array; a bracket or quote is missing";
        read(
            "[{\"a\":1},\n",
            &format!("1:1 {{\"a\":1}}\nin.json: line 2: {cut}"),
        );
        read("[{\"a\":1", &format!("in.json: line 1: {cut}"));
        read("[{\"a\":\"1}]", &format!("in.json: line 1: {cut}"));
        read("[] []", "in.json: line 1: text behind the end of the array");
        read(
            "7",
            "in.json: line 1: not JSON: an object or an array of objects is expected",
        );
    }
}
