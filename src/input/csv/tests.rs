//! Texts on one side, records on the other.

use std::io::{self, BufReader, Read};

use super::super::dialect::{Mark, Quote, ReadOptions};
use super::super::testing::check;
use super::*;

fn open<'t>(
    text: &'t [u8],
    options: &ReadOptions,
    delimiter: u8,
) -> Result<CsvRows<&'t [u8]>, InputError> {
    CsvRows::open("in.csv", text, options.dialect(delimiter))
}

#[track_caller]
fn read(text: &[u8], expected: &str) {
    read_as(&ReadOptions::default(), text, expected);
}

#[track_caller]
fn read_as(options: &ReadOptions, text: &[u8], expected: &str) {
    check(open(text, options, b',').unwrap(), expected);
    let bytewise = BufReader::with_capacity(1, text);
    check(
        CsvRows::open("in.csv", bytewise, options.dialect(b',')).unwrap(),
        expected,
    );
}

#[track_caller]
fn refuse(text: &[u8], expected: &str) {
    let error = open(text, &ReadOptions::default(), b',').err().unwrap();
    assert_eq!(error.to_string(), expected);
}

/// What is said once of a text that is read to its end.
#[track_caller]
fn remarks(text: &[u8], expected: &[&str]) {
    let mut rows = open(text, &ReadOptions::default(), b',').unwrap();
    rows.by_ref().for_each(drop);
    assert_eq!(rows.remarks(), expected);
}

fn with(change: impl FnOnce(&mut ReadOptions)) -> ReadOptions {
    let mut options = ReadOptions::default();
    change(&mut options);
    options
}

const NONE: &str = "if quotes mean nothing in this file, give --quote none (`quote` in [input])";

#[test]
fn rows_are_numbered_and_know_their_line_whatever_ends_it() {
    read(
        b"\nid, body\n1,\"a\nb\"\n\n\n2,c\n3,\"d\"\"e\"",
        r#"
        1:3 {"id":"1","body":"a\nb"}
        2:7 {"id":"2","body":"c"}
        3:8 {"id":"3","body":"d\"e"}
        "#,
    );
    read(
        b"id,body\r\n1,\"a\r\nb\"\r\n\r\n2,c\r\n\"3\",\"d\"\r\n",
        r#"
        1:2 {"id":"1","body":"a\r\nb"}
        2:5 {"id":"2","body":"c"}
        3:6 {"id":"3","body":"d"}
        "#,
    );
}

#[test]
fn empty_values_are_kept_and_blank_lines_are_not() {
    read(
        b"a\n\"\"\nx\n\n \n",
        "1:2 {\"a\":\"\"}\n2:3 {\"a\":\"x\"}\n3:5 {\"a\":\" \"}",
    );
    read(b"a,b\n\"\",\n  \n", "1:2 {\"a\":\"\",\"b\":\"\"}");
}

#[test]
fn a_bad_row_counts_and_the_next_is_read() {
    read(
        b"id,body\n1,a,b\n2\n3,\"x\ny\"\n4,\xff\n5,z\n",
        r#"
        row 1 (line 2): 3 fields where the header has 2; is a comma or quote inside a value not quoted?
        row 2 (line 3): 1 field where the header has 2; is a separator missing, or a quote left open?
        3:4 {"id":"3","body":"x\ny"}
        row 4 (line 6): column `body`: not UTF-8; save the file as UTF-8
        5:7 {"id":"5","body":"z"}
        "#,
    );
}

#[test]
fn quoting_that_breaks_within_a_line_is_a_bad_row_and_the_next_is_read() {
    read(
        b"id,prompt\n1,\"a\" b\n2,\"He said \\\"hi\\\" then left\"\n3,c\n4,\"d",
        &format!(
            r#"
            row 1 (line 2): a value begins with a quote ("), and text follows its closing quote: double the quotes inside of values; {NONE}
            row 2 (line 3): text follows a closing quote, and a backslash stands before it: if quotes are escaped like that, give --escape backslash (`escape` in [input])
            3:4 {{"id":"3","prompt":"c"}}
            row 4 (line 5): a quote (") is opened and never closed; {NONE}
            "#
        ),
    );
    read(
        b"id,prompt\n1,5\" pipe\n2,a\"\"b\n",
        r#"
        1:2 {"id":"1","prompt":"5\" pipe"}
        2:3 {"id":"2","prompt":"a\"\"b"}
        "#,
    );
}

#[test]
fn quoting_that_breaks_over_lines_ends_the_reading_where_it_was_opened() {
    let broken = "a value begins with a quote (\"), and text follows its closing quote in line";
    read(
        b"id,prompt\n1,a\n2,\"b\n3,has \"quotes\"\n4,d\n",
        &format!(
            "1:2 {{\"id\":\"1\",\"prompt\":\"a\"}}\nin.csv: line 3: {broken} 4: double the quotes \
             inside of values; {NONE}"
        ),
    );
    read(
        b"id,prompt\n1,\"a\n2,b\n",
        &format!("in.csv: line 2: a quote (\") is opened and never closed; {NONE}"),
    );
    refuse(
        b"a,\"b\n1,2\n",
        &format!("in.csv: line 1: a quote (\") is opened and never closed; {NONE}"),
    );
}

#[test]
fn rows_that_a_quoted_value_seems_to_swallow_end_the_reading_unless_the_quote_is_given() {
    let text = b"id,prompt\nT-1,\"a\nT-2,b\nT-3,c\"\nT-4,d\n";
    let swallowed = "in.csv: line 2: a quoted value runs to line 4, and each of its lines looks like \
                     a row: is a quote missing? If the value is meant, give --quote '\"' (`quote` in \
                     [input]); if quotes mean nothing in this file, --quote none";
    read(text, swallowed);
    read_as(
        &with(|it| it.quote = Some(Quote::read("\"").unwrap())),
        text,
        r#"
        1:2 {"id":"T-1","prompt":"a\nT-2,b\nT-3,c"}
        2:5 {"id":"T-4","prompt":"d"}
        "#,
    );
    read_as(
        &with(|it| it.quote = Some(Quote::Never)),
        text,
        r#"
        1:2 {"id":"T-1","prompt":"\"a"}
        2:3 {"id":"T-2","prompt":"b"}
        3:4 {"id":"T-3","prompt":"c\""}
        4:5 {"id":"T-4","prompt":"d"}
        "#,
    );
    remarks(
        b"id,prompt\n1,\"Dear Ann\nwell, how?\"\n2,x\n3,\"a\nb, c\"\n",
        &[
            "2 rows have a quoted value over several lines, each of which could be a row of its own \
             (first: row 1, line 2); check that no quote is missing there",
        ],
    );
}

#[test]
fn a_record_past_the_bound_ends_the_reading() {
    let endless = b"id,body\n1,\"".chain(io::repeat(b'x'));
    let dialect = ReadOptions::default().dialect(b',');
    let rows = CsvRows::open("in.csv", BufReader::new(endless), dialect).unwrap();
    check(
        rows.take(1),
        "in.csv: line 2: a record longer than 64 MiB; is a quote left open?",
    );
}

#[test]
fn escapes_are_read_where_they_are_set_and_clear() {
    let escape = with(|it| it.escape = Some(Mark::read("backslash").unwrap()));
    read_as(
        &escape,
        b"id,prompt\n1,\"He said \\\"hi\\\" then \\\\left\"\n2,\"a \"\"b\"\"\"\n3,\"a\\nb\"\n4,c:\\d\n5,ok\n",
        r#"
        1:2 {"id":"1","prompt":"He said \"hi\" then \\left"}
        2:3 {"id":"2","prompt":"a \"b\""}
        row 3 (line 4): an escape stands before 'n', where readers disagree: only a quote and the escape itself can be escaped
        row 4 (line 5): an escape stands in a value without quotes, where readers disagree: quote the value, or leave `escape` out
        5:6 {"id":"5","prompt":"ok"}
        "#,
    );
    read_as(
        &with(|it| {
            it.delimiter = Some(Mark::read("|").unwrap());
            it.quote = Some(Quote::read("'").unwrap());
            it.comment = Some(Mark::read("#").unwrap());
        }),
        b"#made by hand\nid|prompt\n1|'a|''b'' \"c\"'\n#2|x\n\n3|d#\n",
        r#"
        1:3 {"id":"1","prompt":"a|'b' \"c\""}
        2:6 {"id":"3","prompt":"d#"}
        "#,
    );
}

#[test]
fn without_a_header_columns_are_numbered() {
    read_as(
        &with(|it| it.header = Some(false)),
        b"1,hello\n2,world\n",
        r#"
        1:1 {"column_1":"1","column_2":"hello"}
        2:2 {"column_1":"2","column_2":"world"}
        "#,
    );
}

#[test]
fn a_first_line_that_names_the_separator_is_honoured() {
    read(
        b"sep=;\r\nid;prompt\r\n1;a, b\r\n",
        "1:3 {\"id\":\"1\",\"prompt\":\"a, b\"}",
    );
    read(
        b"\"sep=\t\"\nid\tprompt\n1\ta\n",
        "1:3 {\"id\":\"1\",\"prompt\":\"a\"}",
    );
    read(
        b"sep=,\nid,prompt\n1,a\n",
        "1:3 {\"id\":\"1\",\"prompt\":\"a\"}",
    );
    let given = with(|it| it.delimiter = Some(Mark::read("|").unwrap()));
    read_as(
        &given,
        b"sep=;\nid|prompt\n1|a;b\n",
        "1:3 {\"id\":\"1\",\"prompt\":\"a;b\"}",
    );
    refuse(b"sep=;\n", "in.csv: empty; give it at least one row");
}

#[test]
fn columns_without_a_name_are_left_out_and_said_once() {
    let text = b",prompt\r\n0,hello\r\n1,world\r\n";
    read(
        text,
        "1:2 {\"prompt\":\"hello\"}\n2:3 {\"prompt\":\"world\"}",
    );
    remarks(text, &["column 1 has no name and is left out"]);
    let text = b"id,prompt,,,\r\n1,hello,,,\r\n,,,,\r\n2,world,,,\r\n,,,,\r\n";
    read(
        text,
        "1:2 {\"id\":\"1\",\"prompt\":\"hello\"}\n3:4 {\"id\":\"2\",\"prompt\":\"world\"}",
    );
    remarks(
        text,
        &[
            "columns 3, 4, 5 have no name and are left out",
            "2 rows of nothing but separators were skipped",
        ],
    );
    read(
        b"id,prompt\n1,hello,,\n",
        "1:2 {\"id\":\"1\",\"prompt\":\"hello\"}",
    );
    read(
        b"id,prompt,\n1,Hello, world\n",
        "row 1 (line 2): a value in column 3, which has no name: is a separator inside a value not \
         quoted? if it is a column, name it in the header",
    );
    refuse(
        b",,\n1,2,3\n",
        "in.csv: header: no column has a name; give them names, or --header=false",
    );
}

#[test]
fn lines_may_end_in_lone_returns_and_twice() {
    read(
        b"id,prompt\r1,\"a\rb\"\r\r2,c\r",
        "1:2 {\"id\":\"1\",\"prompt\":\"a\\rb\"}\n2:5 {\"id\":\"2\",\"prompt\":\"c\"}",
    );
    read(
        b"id,prompt\r\r\n1,a\r\r\n",
        "1:2 {\"id\":\"1\",\"prompt\":\"a\"}",
    );
    read(
        b"id,prompt\n1,a\rb\n2,\"a\rb\"\n",
        r#"
        row 1 (line 2): a carriage return without a line feed stands outside of quotes: quote the value, or end all lines alike
        2:3 {"id":"2","prompt":"a\rb"}
        "#,
    );
}

#[test]
fn a_byte_order_mark_within_the_text_is_named() {
    let joined = "begins with a byte order mark, as where files were joined: remove the mark, and the \
                  header if it stands here again";
    read(
        "a,b\n1,2\n\u{feff}a,b\n3,4\n".as_bytes(),
        &format!(
            "1:2 {{\"a\":\"1\",\"b\":\"2\"}}\nrow 2 (line 3): {joined}\n3:4 {{\"a\":\"3\",\"b\":\"4\"}}"
        ),
    );
}

#[test]
fn a_header_must_name_every_column_once() {
    refuse(b"", "in.csv: empty; give it at least one row");
    refuse(
        b"a,b, a\n",
        "in.csv: header: two columns are named `a`; rename one",
    );
    refuse(
        b"a,\xff\n",
        "in.csv: header: column 2: not UTF-8; save the file as UTF-8",
    );
    refuse(
        b"id;prompt\n1;x\n",
        "in.csv: header: one column, `id;prompt`; if that is several, give --delimiter ';' \
         (`delimiter = \";\"` in [input])",
    );
    refuse(
        b"id|prompt\n1|x\n",
        "in.csv: header: one column, `id|prompt`; if that is several, give --delimiter '|' \
         (`delimiter = \"|\"` in [input])",
    );
    refuse(
        b"id\tprompt\n1\tx\n",
        "in.csv: header: one column, `id\\tprompt`; if that is several, give --delimiter tab \
         (`delimiter = \"\\t\"` in [input])",
    );
    read(
        b"id;text, long;team\n1;a;b\n",
        "row 1 (line 2): 1 field where the header has 2; if values are separated by ;, give \
         --delimiter ';'",
    );
}

#[test]
fn a_header_of_very_many_columns_is_read_at_once() {
    let names: Vec<String> = (0..100_000).map(|at| format!("c{at}")).collect();
    let text = format!("{}\n", names.join(","));
    assert_eq!(
        open(text.as_bytes(), &ReadOptions::default(), b',')
            .unwrap()
            .columns()
            .len(),
        100_000
    );
}

#[test]
fn tabs_separate_where_they_are_asked_to() {
    let rows = open(b"a\tb\n1,5\t\"x\ty\"\n", &ReadOptions::default(), b'\t').unwrap();
    check(rows, "1:2 {\"a\":\"1,5\",\"b\":\"x\\ty\"}");
}

#[test]
fn a_tsv_that_does_not_quote_is_told_from_one_that_does() {
    let dialect = ReadOptions::default().dialect(b'\t');
    for (text, expected) in [
        ("id\tp\n1\t\"open\n2\tb\n3\thas \" one\"\n4\td\n", true),
        ("id\tp\n1\t\"open\n2\tclosed\"\n", true),
        ("id\tp\n1\t\"a\" b\n", true),
        ("id\tp\n1\t\"whole\"\n2\t5\" pipe\n", false),
        ("id\tp\n1\t\"two\nlines\"\n", false),
        ("id\tp\n1\t\"a \"\"b\"\" c\"\n2\t\"open\n", false),
        ("id\tp\n1\t\"a\tb\" c\n", false),
        ("p\n\"open\n", false),
    ] {
        let found = does_not_quote(|| Ok(text.as_bytes()), dialect).unwrap();
        assert_eq!(found, expected, "{text:?}");
    }
}
