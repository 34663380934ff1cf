//! Inputs that cannot be read, and rows that cannot be sent.

use super::{ROWS, check, input, refused, with};
use crate::harness::Job;

#[test]
fn an_input_that_is_not_there_is_answered_with_the_nearest_name() {
    let job = Job::new("run")
        .file("prompts.csv", ROWS)
        .on_the_emulator("promts.csv");
    check(
        job,
        "promts.csv: no such file (did you mean `prompts.csv`?)",
    );
    let job = Job::new("run").on_the_emulator("nowhere/prompts.csv");
    check(job, "nowhere/prompts.csv: no such file");
    let job = Job::new("run")
        .file("data/a.csv", ROWS)
        .file("data/notes.txt", "")
        .on_the_emulator("data");
    check(job, "data: a directory, not a file; files in it: a.csv");
}

#[test]
fn an_input_without_rows_is_refused() {
    let empty = "empty; give it at least one row";
    input("in.csv", "", &format!("in.csv: {empty}"));
    input("in.jsonl", "\n \n", &format!("in.jsonl: {empty}"));
    input(
        "in.csv",
        "id,prompt\n\n",
        "in.csv: no rows after the header; the first line must name the columns, the next be a row",
    );
    input(
        "in.json",
        "[ ]",
        "in.json: no rows; give it at least one object",
    );
    let nothing = Job::new("run").on_the_emulator("-").stdin("");
    check(nothing, &format!("standard input: {empty}"));
}

#[test]
fn an_input_that_is_no_text_is_refused_by_what_it_is() {
    let save = "save it as .csv, .tsv, .jsonl or .json in UTF-8";
    input(
        "in.xlsx",
        "PK\x03\x04\x14\0",
        &format!("in.xlsx: not text: a zip archive, as .xlsx workbooks are; {save}"),
    );
    input(
        "in.parquet",
        "PAR1\x15\x04",
        &format!("in.parquet: not text: a Parquet file; {save}"),
    );
    input(
        "in.csv",
        b"\xff\xfei\0d\0",
        "in.csv: UTF-16 text, and not UTF-8; run `iconv -f UTF-16 -t UTF-8 in.csv > NEW`, and give the \
         new file",
    );
    input(
        "in.csv.gz",
        b"\x1f\x8b\x08\0\0\0\0\0\0\x03\x4b",
        "in.csv.gz: cut short: the archive ends in the middle of line 1; get the whole file again",
    );
}

#[test]
fn an_input_whose_rows_cannot_be_told_apart_is_refused() {
    input(
        "in.csv",
        "prompt,team,prompt\na,b,c\n",
        "in.csv: header: two columns are named `prompt`; rename one",
    );
    input(
        "in.csv",
        ",,\na,b,c\n",
        "in.csv: header: no column has a name; give them names, or --header=false",
    );
    input(
        "in.csv",
        "\"prompt\na\n",
        "in.csv: line 1: a quote (\") is opened and never closed; if quotes mean nothing in this \
         file, give --quote none (`quote` in [input])",
    );
    input(
        "in.jsonl",
        r#"[{"prompt":"a"}]"#,
        "in.jsonl: a JSON array, not one object a line; name it .json or give the format as json",
    );
    input(
        "in.json",
        "[{\"prompt\":\"a\"},\n{\"prompt\":",
        "in.json: line 2: the document ends inside an element or array; \
         a bracket or quote is missing",
    );
    with(
        ["--format", "json"],
        "prompts.csv: line 1: not JSON: an object or an array of objects is expected",
    );
}

#[test]
fn an_input_in_another_format_than_it_says_is_refused() {
    input(
        "in.csv",
        "id;prompt\n1;why?\n",
        "in.csv: header: one column, `id;prompt`; if that is several, give --delimiter ';' \
         (`delimiter = \";\"` in [input])",
    );
    input(
        "in.jsonl",
        "id,prompt\n1,why?\n",
        "in.jsonl: no row of 2 can be read: \
         row 1 (line 1): column 1: not JSON: expected value",
    );
}

#[test]
fn a_column_that_is_not_there_is_refused_with_those_that_are() {
    let columns = "columns here: id, prompt, team";
    input(
        "in.csv",
        "id,question\n1,why?\n",
        "the input has no `prompt` column; columns here: id, question; \
         say which with --column NAME or write --template '{{ NAME }}'",
    );
    with(
        ["--column", "promt"],
        &format!("`column`: no column `promt` (did you mean `prompt`?); {columns}"),
    );
    with(
        ["--id", "ids"],
        &format!("`id`: no column `ids` (did you mean `id`?); {columns}"),
    );
    with(
        ["--keep", "team", "--keep", "created"],
        &format!("`keep`: no column `created`; {columns}"),
    );
    with(
        ["-t", "Dear {{ team }},\n{{ promt }}"],
        &format!("template line 2: no column `promt` (did you mean `prompt`?); {columns}"),
    );
    with(
        ["--system", "{{ tone }}"],
        &format!("system line 1: no column `tone`; {columns}"),
    );
}

#[test]
fn ids_that_stand_twice_are_refused_with_both_rows() {
    let rows = "id,prompt\na,1\nb,2\na,3\nb,4\n";
    check(
        Job::over(rows),
        "prompts.csv: 2 rows share an id with an earlier row: `a` appears in rows 1 and 3, \
         `b` appears in rows 2 and 4; give every row an id of its own, or choose another field \
         with --id",
    );
    Job::over(rows).args(["--limit", "2"]).run().exits(0);
}

#[test]
fn more_bad_rows_than_may_fail_are_refused_with_the_first_of_them() {
    let rows = "id,prompt\na,1\nb\nc,\"3\" x\nd,4\n";
    check(
        Job::over(rows),
        "prompts.csv: 2 of 4 rows cannot be sent, and max_failures is 0:\n  \
         row 2 (line 3): 1 field where the header has 2; \
         is a separator missing, or a quote left open?\n  \
         row 3 (line 4): a value begins with a quote (\"), and text follows its closing quote: \
         double the quotes inside of values; if quotes mean nothing in this file, give --quote none \
         (`quote` in [input])\n\
         Fix these rows, or run the others with --max-failures 2",
    );
    refused(Job::over(rows).args(["--max-failures", "1"]), 2).says("max_failures is 1:");
    refused(Job::over(rows).args(["--max-failures", "40%"]), 2).says("max_failures is 40%:");
}

#[test]
fn json_that_is_read_as_csv_is_named_as_what_it_is_and_not_quoted() {
    let secret = "the prompt, which is nobody's business";
    let row = format!("{{\"id\": 1, \"prompt\": \"{secret}\"}}");
    for (content, format) in [
        (format!("{row}\n{row}\n"), "jsonl"),
        ("{ \"a\":1}\n".to_owned(), "jsonl"),
        (
            "{\"a\":1,\"b\":\"never closed, for CSV\"}\n".to_owned(),
            "jsonl",
        ),
        ("{\"a\":1,\"\n".to_owned(), "jsonl"),
        (format!("[\n{row},\n{row}]\n"), "json"),
        (format!("[{row}]\n"), "json"),
    ] {
        for as_what in ["csv", "tsv"] {
            let job = Job::new("run").file("in.jsonl", &content);
            let job = job.on_the_emulator("in.jsonl").args(["--format", as_what]);
            let said = "in.jsonl: header: it looks like JSON: give the format as";
            check(job, &format!("{said} {format}"));
        }
    }
}

#[test]
fn a_first_row_that_is_taken_for_a_header_is_not_quoted_whole() {
    let text = "x".repeat(500);
    let cut = format!("{}…", &text[..60]);
    input(
        "in.csv",
        format!("1,{text}\n2,b\n"),
        &format!(
            "the input has no `prompt` column; columns here: 1, {cut}; say which with --column NAME \
             or write --template '{{{{ NAME }}}}'"
        ),
    );
    input(
        "in.csv",
        format!("{text},{text}\n2,b\n"),
        &format!("in.csv: header: two columns are named `{cut}`; rename one"),
    );
}
