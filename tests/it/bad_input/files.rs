//! Files that cannot be meant, one a line: what is said of each, to the letter, and that no call was
//! made: all of them run against one emulator, which counts.

use crate::harness::{Job, NOVA, QUICK, Service};

use Place::{Input, Job as JobFile, Prices, Template};

/// What the file is given as.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    Input,
    Job,
    Template,
    Prices,
}

/// A line each, for a table is read by its columns. Where, the name, the content, and what is said behind `promptmill: `.
#[rustfmt::skip]
const FILES: &[(Place, &str, &[u8], &str)] = &[
    (Input, "nothing.csv", b"", "nothing.csv: empty; give it at least one row"),
    (Input, "blank.csv", b"\n\n", "blank.csv: empty; give it at least one row"),
    (Input, "header.csv", b"id,prompt\n", "header.csv: no rows after the header; the first line must name the columns, the next be a row"),
    (Input, "bom.csv", b"\xef\xbb\xbf", "bom.csv: empty; give it at least one row"),
    (Input, "bom.jsonl", b"\xef\xbb\xbf\n", "bom.jsonl: empty; give it at least one row"),
    (Input, "spaces.jsonl", b"   \n\t\n", "spaces.jsonl: empty; give it at least one row"),
    (Input, "array.json", b"[]", "array.json: no rows; give it at least one object"),
    (Input, "null.json", b"null", "null.json: line 1: not JSON: an object or an array of objects is expected"),
    (Input, "number.json", b"42", "number.json: line 1: not JSON: an object or an array of objects is expected"),
    (Input, "text.json", b"\"prompt\"", "text.json: line 1: not JSON: an object or an array of objects is expected"),
    (Input, "open.json", b"[{\"prompt\":\"a\"}", "open.json: line 1: the document ends inside an element or array; a bracket or quote is missing"),
    (Input, "behind.json", b"[{\"prompt\":\"a\"}] x", "behind.json: line 1: text after the end of the array"),
    (Input, "nul.jsonl", b"{\"prompt\":\"a\x00\"}\n", "nul.jsonl: not text: it begins with control characters; save it as .csv, .tsv, .jsonl or .json in UTF-8"),
    (Input, "nan.jsonl", b"{\"prompt\":NaN}\n", "nan.jsonl: no row of 1 can be read: row 1 (line 1): column 11: not JSON: NaN, a value that JSON does not have; write null"),
    (Input, "single.jsonl", b"{'prompt':'a'}\n", "single.jsonl: no row of 1 can be read: row 1 (line 1): column 2: not JSON: a single quote; JSON has double quotes only"),
    (Input, "trailing.jsonl", b"{\"prompt\":\"a\",}\n", "trailing.jsonl: no row of 1 can be read: row 1 (line 1): column 15: not JSON: trailing comma"),
    (Input, "twice.jsonl", b"{\"prompt\":\"a\"}{\"prompt\":\"b\"}\n", "twice.jsonl: no row of 1 can be read: row 1 (line 1): column 15: not JSON: more than one value on the line; put each on a line of its own"),
    (Input, "surrogate.jsonl", b"{\"prompt\":\"\\ud800\"}\n", "surrogate.jsonl: no row of 1 can be read: row 1 (line 1): column 12: not JSON: \\ud800 is half of a surrogate pair, as left when a text is cut in the middle of a character; remove it, or write \\ufffd"),
    (Input, "utf8.jsonl", b"{\"prompt\":\"\xff\"}\n", "utf8.jsonl: no row of 1 can be read: row 1 (line 1): byte 12: not UTF-8; save the file as UTF-8"),
    (Input, "latin1.csv", b"id,prompt\n1,caf\xe9\n", "latin1.csv: 1 of 1 rows cannot be sent, and max_failures is 0:\n  row 1 (line 2): column `prompt`: not UTF-8; save the file as UTF-8\nFix the row"),
    (Input, "latin1head.csv", b"id,caf\xe9\n1,a\n", "latin1head.csv: header: column 2: not UTF-8; save the file as UTF-8"),
    (Input, "utf16.csv", b"\xff\xfei\x00d\x00,\x00p\x00r\x00o\x00m\x00p\x00t\x00\n\x001\x00,\x00a\x00\n\x00", "utf16.csv: UTF-16 text, and not UTF-8; run `iconv -f UTF-16 -t UTF-8 utf16.csv > NEW`, and give the new file"),
    (Input, "utf16be.csv", b"\xfe\xff\x00i", "utf16be.csv: UTF-16 text, and not UTF-8; run `iconv -f UTF-16 -t UTF-8 utf16be.csv > NEW`, and give the new file"),
    (Input, "utf16bare.csv", b"i\x00d\x00,\x00p\x00r\x00o\x00m\x00p\x00t\x00\n\x001\x00,\x00a\x00\n\x00", "utf16bare.csv: UTF-16LE text, and not UTF-8; run `iconv -f UTF-16LE -t UTF-8 utf16bare.csv > NEW`, and give the new file"),
    (Input, "ragged.csv", b"id,prompt\n1,a,b\n", "ragged.csv: 1 of 1 rows cannot be sent, and max_failures is 0:\n  row 1 (line 2): 3 fields where the header has 2; is a comma or quote inside a value not quoted?\nFix the row"),
    (Input, "short.csv", b"id,prompt\n1\n", "short.csv: 1 of 1 rows cannot be sent, and max_failures is 0:\n  row 1 (line 2): 1 field where the header has 2; is a separator missing, or a quote left open?\nFix the row"),
    (Input, "quote.csv", b"id,prompt\n1,\"a\n", "quote.csv: 1 of 1 rows cannot be sent, and max_failures is 0:\n  row 1 (line 2): a quote (\") is opened and never closed; if quotes mean nothing in this file, give --quote none (`quote` in [input])\nFix the row"),
    (Input, "quotehead.csv", b"\"id,prompt\n1,a\n", "quotehead.csv: line 1: a quote (\") is opened and never closed; if quotes mean nothing in this file, give --quote none (`quote` in [input])"),
    (Input, "double.csv", b"prompt,prompt\na,b\n", "double.csv: header: two columns are named `prompt`; rename one"),
    (Input, "noname.csv", b",,\n1,2,3\n", "noname.csv: header: no column has a name; give them names, or --header=false"),
    (Input, "semicolon.csv", b"id;prompt\n1;a\n", "semicolon.csv: header: one column, `id;prompt`; if that is several, give --delimiter ';' (`delimiter = \";\"` in [input])"),
    (Input, "tabs.csv", b"id\tprompt\n1\ta\n", "tabs.csv: header: one column, `id\\tprompt`; if that is several, give --delimiter tab (`delimiter = \"\\t\"` in [input])"),
    (Input, "other.csv", b"id,question\n1,a\n", "the input has no `prompt` column; columns here: id, question; say which with --column NAME or write --template '{{ NAME }}'"),
    (Input, "sameid.csv", b"id,prompt\n1,a\n1,b\n", "sameid.csv: 1 row shares an id with an earlier row: `1` appears in rows 1 and 2; give every row an id of its own, or choose another field with --id"),
    (Input, "noid.csv", b"id,prompt\n,a\n", "noid.csv: 1 of 1 rows cannot be sent, and max_failures is 0:\n  row 1 (line 2): the id field `id` is empty; give the row an id\nFix the row"),
    (Input, "notgz.csv.gz", b"\x1f\x8bnot", "notgz.csv.gz: cut short: the archive ends in the middle of line 1; get the whole file again"),
    (Input, "notzst.csv.zst", b"(\xb5/\xfdnot", "notzst.csv.zst: cut short: the archive ends in the middle of line 1; get the whole file again"),
    (Input, "zip.csv", b"PK\x03\x04x", "zip.csv: not text: a zip archive, as .xlsx workbooks are; save it as .csv, .tsv, .jsonl or .json in UTF-8"),
    (Input, "parquet.csv", b"PAR1x", "parquet.csv: not text: a Parquet file; save it as .csv, .tsv, .jsonl or .json in UTF-8"),
    (Input, "sqlite.csv", b"SQLite format 3\x00x", "sqlite.csv: not text: an SQLite database; export its rows as .csv or .jsonl"),
    (Input, "png.jsonl", b"\x89PNG\r\n\x1a\n\x00", "png.jsonl: no row of 3 can be read: row 1 (line 1): byte 1: not UTF-8; save the file as UTF-8"),
    (Input, "elf.csv", b"\x7fELF\x02", "elf.csv: not text: it begins with control characters; save it as .csv, .tsv, .jsonl or .json in UTF-8"),
    (Input, "prompts.xml", b"<prompts><p>a</p></prompts>\n", "prompts.xml: no rows after the header; the first line must name the columns, the next be a row"),
    (Input, "prompts.yaml", b"- prompt: a\n", "prompts.yaml: no rows after the header; the first line must name the columns, the next be a row"),
    (Input, "list.jsonl", b"[\"a\"]\n", "list.jsonl: each line is a list, not an object, so its values have no names; give them names, as `jq -c '{prompt: .[0]}' list.jsonl > NEW.jsonl` does for the first"),
    (Input, "strings.jsonl", b"\"a\"\n\"b\"\n", "strings.jsonl: no row of 2 can be read: row 1 (line 1): a string where an object is expected, such as {\"prompt\": \"…\"}"),
    (Input, "nullprompt.jsonl", b"{\"prompt\":null}\n", "nullprompt.jsonl: 1 of 1 rows cannot be sent, and max_failures is 0:\n  row 1 (line 1): the prompt is empty; give `prompt` a value\nFix the row"),
    (Input, "emptyprompt.jsonl", b"{\"prompt\":\"\"}\n", "emptyprompt.jsonl: 1 of 1 rows cannot be sent, and max_failures is 0:\n  row 1 (line 1): the prompt is empty; give `prompt` a value\nFix the row"),
    (Input, "numberid.jsonl", b"{\"id\":{\"a\":1},\"prompt\":\"a\"}\n", "numberid.jsonl: 1 of 1 rows cannot be sent, and max_failures is 0:\n  row 1 (line 1): the id field `id` is neither text nor a number\nFix the row"),
    (Input, "noprompt.jsonl", b"{\"text\":\"a\"}\n", "the input has no `prompt` column; columns here: text; say which with --column NAME or write --template '{{ NAME }}'"),
    (Input, "badmessages.jsonl", b"{\"messages\":[{\"role\":\"robot\",\"content\":\"a\"}]}\n", "badmessages.jsonl: 1 of 1 rows cannot be sent, and max_failures is 0:\n  row 1 (line 1): `messages`: message 1: unknown role `robot`; roles: system, user, assistant, tool\nFix the row"),
    (Input, "nomessages.jsonl", b"{\"messages\":[]}\n", "nomessages.jsonl: 1 of 1 rows cannot be sent, and max_failures is 0:\n  row 1 (line 1): `messages`: no message of the user; add one\nFix the row"),
    (Input, "badbody.jsonl", b"{\"modelInput\":\"text\"}\n", "badbody.jsonl: 1 of 1 rows cannot be sent, and max_failures is 0:\n  row 1 (line 1): `modelInput` does not hold JSON: expected ident at line 1 column 2\nFix the row"),
    (JobFile, "job.toml", b"[model]\nid = 5\n", "job.toml:2: `id` takes text in quotes, not 5"),
    (JobFile, "job.toml", b"[model]\nid = \n", "job.toml:2: string values must be quoted, expected literal string"),
    (JobFile, "job.toml", b"[mode]\n", "job.toml:1: unknown key `mode`; did you mean [model]?"),
    (JobFile, "job.toml", b"[limits]\nconcurrency = 0\n", "job.toml:2: `concurrency` takes a whole number from 1 to 4294967295, not 0"),
    (JobFile, "job.toml", b"[limits]\nrequests_per_minute = -1\n", "job.toml:2: `requests_per_minute` takes a whole number from 1 to 4294967295, not -1"),
    (JobFile, "job.toml", b"[retry]\nthrottle_wait = \"never\"\n", "job.toml:2: `throttle_wait` takes a time such as \"90s\", \"15m\" or \"6h\", not the text \"never\""),
    (JobFile, "job.toml", b"[output]\nraw = \"maybe\"\n", "`output.raw`: \"maybe\" is not always, errors or never"),
    (JobFile, "job.toml", b"[output]\nmax_failures = \"lots\"\n", "job.toml:2: `max_failures` takes a whole number or a percentage such as \"1%\", not the text \"lots\""),
    (JobFile, "job.toml", b"[input]\npath = \"missing.csv\"\n", "missing.csv: no such file"),
    (JobFile, "job.toml", b"[prompt]\ntemplate_file = \"missing.txt\"\n", "`prompt.template_file`: missing.txt: no such file"),
    (JobFile, "job.toml", b"[prompt]\ntemplate = \"{% for x in y %}\"\n", "template line 1: syntax error: unexpected end of input, expected end of block"),
    (JobFile, "job.toml", b"[model.extra]\nx = inf\n", "job.toml:1: `extra` takes a table of JSON values, not inf"),
    (JobFile, "job.toml", b"a = '''\n", "job.toml:2: invalid multi-line literal string, expected `'`"),
    (JobFile, "job.toml", b"\x00", "job.toml:1: key with no value, expected `=`"),
    (JobFile, "job.toml", b"[model]\nprices = \"missing.toml\"\n", "`model.prices`: missing.toml: no such file"),
    (JobFile, "job.toml", b"{\"model\": 5}\n", "job.toml:1: invalid key-value pair, expected key"),
    (JobFile, "job.toml", b"key: value\n", "job.toml:1: key with no value, expected `=`"),
    (Template, "template.txt", b"{{ prompt", "template line 1: syntax error: unexpected end of input, expected end of variable block"),
    (Template, "template.txt", b"{% if %}", "template line 1: syntax error: unexpected end of block"),
    (Template, "template.txt", b"{{ nobody }}", "template line 1: no column `nobody`; columns here: id, prompt"),
    (Template, "template.txt", b"{{ prompt | shout }}", "template line 1: unknown filter: filter shout is unknown"),
    (Template, "template.txt", b"{% include \"x\" %}", "template line 1: syntax error: unknown statement include"),
    (Template, "template.txt", b"{# open", "template line 1: syntax error: unexpected end of comment"),
    (Template, "template.txt", b"", "prompts.csv: 1 of 1 rows cannot be sent, and max_failures is 0:\n  row 1 (line 2): the prompt is empty; the fields that the template uses are blank\nFix the row"),
    (Prices, "prices.toml", b"x", "`model.prices`: prices.toml: line 1: key with no value, expected `=` (each model has a table of its own, such as [\"amazon.nova-lite-v1:0\"] with input_usd_per_1k and output_usd_per_1k in it, or usd_per_image)"),
    (Prices, "prices.toml", b"[[\"x\"]]\n", "`model.prices`: prices.toml: line 1: invalid type: map, expected f64 (each model has a table of its own, such as [\"amazon.nova-lite-v1:0\"] with input_usd_per_1k and output_usd_per_1k in it, or usd_per_image)"),
    (Prices, "prices.toml", b"[[price]]\ninput = \"free\"\n", "`model.prices`: prices.toml: line 1: invalid type: map, expected f64 (each model has a table of its own, such as [\"amazon.nova-lite-v1:0\"] with input_usd_per_1k and output_usd_per_1k in it, or usd_per_image)"),
    (JobFile, "job.toml", b"[output]\npath = \"out/{{ id }}.jsonl\"\n", "`out/{{ id }}.jsonl`: only ${NAME} and {{ date }} can be used in a path"),
    (JobFile, "job.toml", b"[output]\npath = \"${NO_SUCH}/out.jsonl\"\n", "`${NO_SUCH}/out.jsonl`: no environment variable NO_SUCH; set it, or write the path out"),
];

/// A job that is right but for this file.
fn job(place: Place, name: &str, content: &[u8]) -> Job {
    let job = Job::new("run").file("prompts.csv", "id,prompt\na,one\n");
    let job = job.file(name, content).args(["-m", NOVA]);
    let says = |what: &[u8]| content.windows(what.len()).any(|window| window == what);
    let job = match place {
        Input => return job.args(["-o", "out.jsonl", "-i", name]),
        JobFile => job.args([name]),
        Template => job.args(["--template-file", name]),
        Prices => job.args(["--prices", name]),
    };
    let job = if says(b"[input]\npath") {
        job
    } else {
        job.args(["-i", "prompts.csv"])
    };
    if says(b"[output]\npath") {
        job
    } else {
        job.args(["-o", "out.jsonl"])
    }
}

#[test]
fn more_than_sixty_files_are_refused_to_the_letter_and_without_a_call() {
    let service = Service::playing(QUICK);
    for (place, name, content, said) in FILES {
        let job = job(*place, name, content).on(&service.url);
        let out = job.run().exits(2).sent_nothing();
        assert_eq!(
            out.stderr,
            format!("error: {said}\n"),
            "{name}: {content:?}"
        );
    }
    assert!(60 <= FILES.len(), "{}", FILES.len());
    // One that is right, so that the count is known to count.
    let right = job(Input, "in.csv", b"prompt\nx\n").on(&service.url);
    right.run().exits(0);
    assert_eq!(service.calls(), 1);
}
