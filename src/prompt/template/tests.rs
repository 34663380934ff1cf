use super::*;
use crate::input::testing::record;

fn columns(names: &[&str]) -> Fields {
    Fields::Columns(names.iter().map(|&name| name.to_owned()).collect())
}

/// Renders `source` with the fields of a JSON object.
#[track_caller]
fn check(source: &str, json: &str, expected: &str) {
    let record = record(json);
    let template = Template::new("template", source, &Fields::Seen(record.names())).unwrap();
    let text = template
        .render(&record)
        .unwrap_or_else(|bad| bad.to_string());
    assert_eq!(text, expected, "{source}");
}

#[track_caller]
fn refuse(source: &str, fields: &Fields, expected: &str) {
    let error = Template::new("template", source, fields).unwrap_err();
    assert_eq!(error.to_string(), expected, "{source}");
}

#[test]
fn text_is_written_as_it_is_and_the_rest_as_json() {
    check("<{{ a }}>", r#"{"a":"x & \"y\" <z>"}"#, "<x & \"y\" <z>>");
    check(
        "{{ a }} {{ b }} {{ c }} {{ d }}",
        r#"{"a":3,"b":0.5,"c":true,"d":3.0}"#,
        "3 0.5 true 3.0",
    );
    check(
        "{{ a }}",
        r#"{"a":{"z":[1,null,"é"],"b":false}}"#,
        r#"{"z":[1,null,"é"],"b":false}"#,
    );
    check("{{ a.b[1] }}", r#"{"a":{"b":["x","y"]}}"#, "y");
    check(
        "{{ 18446744073709551615 }}{{ a }}",
        r#"{"a":-7}"#,
        "18446744073709551615-7",
    );
}

#[test]
fn loops_filters_and_conditions_work() {
    let json = r#"{"list":["a","b"],"x":null}"#;
    check(
        "{% for i in list %}{{ loop.index }}{{ i }} {% endfor %}",
        json,
        "1a 2b ",
    );
    check(
        "{{ list | join('-') }}{{ ' yes' if x is none }}{{ 'no' if x }}",
        json,
        "a-b yes",
    );
    check(
        "{{ y | default('none given') }} {{ list | tojson }}",
        json,
        "none given [\"a\",\"b\"]",
    );
    check("{{ x | tojson }}", r#"{"x":"<a> & 'b'"}"#, r#""<a> & 'b'""#);
    check(
        "{{ x | tojson(true) }}",
        r#"{"x":{"a":1}}"#,
        "{\n  \"a\": 1\n}",
    );
}

#[test]
fn data_is_never_read_as_a_template() {
    check(
        "{{ a }}",
        r#"{"a":"{{ b }} {% for %}","b":"no"}"#,
        "{{ b }} {% for %}",
    );
}

#[test]
fn methods_of_python_work() {
    let json = r#"{"q":" Which? ","o":{"k":"v"},"l":["a","b"]}"#;
    check("<{{ q.strip() }}>", json, "<Which?>");
    check("{{ q.upper().replace('W', 'w') }}", json, " wHICH? ");
    check("{{ q.strip().lower().split('h')[0] }}", json, "w");
    check(
        "{% for k, v in o.items() %}{{ k }}={{ v }}{% endfor %}",
        json,
        "k=v",
    );
    check(
        "{{ ', '.join(l) }} {{ o.get('x', 'none') }}",
        json,
        "a, b none",
    );
    check("{{ q.startswith(' ') }}", json, "true");
}

#[test]
fn a_method_that_no_value_has_is_a_fault_of_the_template() {
    refuse(
        "\n{{ q.zfill(5) }}",
        &columns(&["q"]),
        "template line 2: unknown method: string has no method named zfill; use a filter instead, \
         such as {{ x | trim }}",
    );
    assert!(Template::new("template", "{{ q.items() }}", &columns(&["q"])).is_ok());
}

#[test]
fn numbers_keep_their_digits() {
    let json = r#"{"n":12345678901234567890123,"o":{"pi":3.14159265358979323846,"x":1.50}}"#;
    check(
        "{{ n }} {{ o.pi }} {{ o.x }}",
        json,
        "12345678901234567890123 3.14159265358979323846 1.5",
    );
    let object = r#"{"pi":3.14159265358979323846,"x":1.5}"#;
    check("{{ o }}", json, object);
    check(
        "{{ [n, o] | tojson }}",
        json,
        &format!("[12345678901234567890123,{object}]"),
    );
}

#[test]
fn only_one_final_newline_is_dropped() {
    check("a\n\n", "{}", "a\n");
    check("\n a", "{}", "\n a");
    check("{{ a }}", r#"{"a":"x\n"}"#, "x\n");
}

#[test]
fn names_that_are_no_identifiers_are_reached_through_row() {
    check(r#"{{ row["Best Answer"] }}"#, r#"{"Best Answer":"x"}"#, "x");
    check("{{ row }}", r#"{"b":1,"a":2}"#, r#"{"b":1,"a":2}"#);
    check("{{ row }}", r#"{"row":12,"a":2}"#, "12");
}

#[test]
fn a_null_is_refused_unless_the_template_allows_it() {
    check(
        "a\n{{ x }}",
        r#"{"x":null}"#,
        r#"row 7 (line 9): template line 2: `x` is null; write {{ x or "" }} to allow it"#,
    );
    check(r#"<{{ x or "" }}>"#, r#"{"x":null}"#, "<>");
    check("<{{ x }}>", r#"{"x":""}"#, "<>");
}

#[test]
fn a_field_that_a_row_lacks_is_named_with_those_it_has() {
    check(
        "{{ bdy }}",
        r#"{"id":1,"body":"x"}"#,
        "row 7 (line 9): template line 1: no field `bdy` (did you mean `body`?); fields here: id, body; \
         where rows may lack it, write {{ bdy | default(\"\") }} or {% if bdy is defined %}",
    );
    check(
        "{{ a.c }}",
        r#"{"a":{"b":1}}"#,
        "row 7 (line 9): template line 1: no field `a.c`; fields here: a; where rows may lack it, write \
         {{ a.c | default(\"\") }} or {% if a.c is defined %}",
    );
}

#[test]
fn a_column_that_the_header_lacks_is_refused_at_once() {
    let fields = columns(&["id", "body", "team", "Best Answer"]);
    refuse(
        "bdy\n{{ bdy }}",
        &fields,
        "template line 2: no column `bdy` (did you mean `body`?); columns here: id, body, team, Best Answer",
    );
    refuse(
        "{{ row['Bst'] }} ",
        &fields,
        "template line 1: no column `row['Bst']`; columns here: id, body, team, Best Answer",
    );
    assert!(Template::new("template", "{{ range(3) }}{{ row.body }}", &fields).is_ok());
}

#[test]
fn what_the_engine_cannot_read_is_refused_with_its_line() {
    let fields = columns(&["Best Answer", "body"]);
    refuse(
        "\n{{ Best Answer }}",
        &fields,
        "template line 2: syntax error: unexpected identifier, expected end of variable block \
         (the column `Best Answer` is written {{ row[\"Best Answer\"] }})",
    );
    refuse(
        "{{ body | shout }}",
        &fields,
        "template line 1: unknown filter: filter shout is unknown",
    );
}

#[test]
fn a_template_that_runs_away_is_stopped() {
    check(
        "{% for a in range(9999) %}{% for b in range(9999) %}x{% endfor %}{% endfor %}",
        "{}",
        "row 7 (line 9): template line 1: more than 1000000 steps; loop over less",
    );
}

#[test]
fn values_that_a_template_nests_in_themselves_do_not_overflow_the_stack() {
    let often = "{% for i in range(9999) %}{% for j in range(9) %}STEP{% endfor %}{% endfor %}";
    let in_loop = |start: &str, step: &str| format!("{start}{}", often.replace("STEP", step));
    let list = in_loop("{% set ns = namespace(x=1) %}", "{% set ns.x = [ns.x] %}");
    let dictionary = in_loop(
        "{% set ns = namespace(x=1) %}",
        "{% set ns.x = {'a': ns.x} %}",
    );
    let in_line = format!("{{% set x = 1 %}}{}x", "{% set x = [x] %}".repeat(20_000));
    let said = |source: &str| {
        let template = Template::new("template", source, &Fields::Columns(Vec::new())).unwrap();
        template
            .render(&record("{}"))
            .unwrap_or_else(|bad| bad.reason)
    };
    let too_many = "template line 1: more than 100000 steps; loop over less";
    assert_eq!(said(&list), too_many);
    assert_eq!(said(&dictionary), too_many);
    assert_eq!(said(&in_line), "x");
}

#[test]
fn a_chain_of_operators_is_rejected_with_its_line() {
    let source = format!("one\n{{{{ 1{} }}}}", "+1".repeat(50_000));
    let error = Template::new("template", &source, &columns(&["a"])).unwrap_err();
    let said = error.to_string();
    assert!(
        said.starts_with("template line 2: an expression with more than 400"),
        "{said}"
    );
}

/// Both were compared one by one: 25 s for so many, in a debug build.
#[test]
fn a_template_that_names_each_of_very_many_columns_is_checked_at_once() {
    let names: Vec<String> = (0..60_000).map(|at| format!("column{at}")).collect();
    let source: String = names
        .iter()
        .map(|name| format!("{{{{ {name} }}}}"))
        .collect();
    let started = tokio::time::Instant::now();
    Template::new("template", &source, &Fields::Columns(names)).unwrap();
    let took = started.elapsed();
    assert!(took.as_secs() < 6, "{took:?}");
}

#[test]
fn words_of_the_prompt_do_not_make_a_template_deep() {
    let prose = "Check the settings of each namespace, and set them again. ".repeat(100);
    let template = Template::new("template", &format!("{prose}{{{{ a }}}}"), &columns(&["a"]));
    assert_eq!(template.unwrap().nesting, Nesting::Shallow);
    let code = "{% set b = [a] %}".repeat(101) + "{{ b }}";
    let template = Template::new("template", &code, &columns(&["a"]));
    assert_eq!(template.unwrap().nesting, Nesting::Deep);
}
