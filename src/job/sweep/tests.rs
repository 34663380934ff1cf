use super::*;

fn job(text: &str) -> JobFile {
    JobFile::load(None, toml::from_str(text).unwrap()).unwrap()
}

#[track_caller]
fn names(text: &str) -> Vec<String> {
    let variants = job(text).variants().unwrap();
    variants
        .iter()
        .map(|variant| variant.variant.name.clone())
        .collect()
}

#[test]
fn every_combination_is_a_variant_models_first_and_prompts_last() {
    let text = r#"
        [sweep]
        temperature = [0, 0.7]
        model = ["us.amazon.nova-lite-v1:0", "openai.gpt-oss-20b-1:0"]
        [[sweep.prompt]]
        name = "plain"
        template = "{{ question }}"
        [[sweep.prompt]]
        name = "steps"
        template = "Think. {{ question }}"
    "#;
    assert_eq!(
        names(text),
        [
            "us.nova-lite/temperature=0/plain",
            "us.nova-lite/temperature=0/steps",
            "us.nova-lite/temperature=0.7/plain",
            "us.nova-lite/temperature=0.7/steps",
            "gpt-oss-20b-1/temperature=0/plain",
            "gpt-oss-20b-1/temperature=0/steps",
            "gpt-oss-20b-1/temperature=0.7/plain",
            "gpt-oss-20b-1/temperature=0.7/steps",
        ]
    );
    let variants = job(text).variants().unwrap();
    let third = &variants[2];
    assert_eq!(
        third.job.model.id.as_deref(),
        Some("us.amazon.nova-lite-v1:0")
    );
    assert_eq!(third.job.model.temperature, Some(0.7));
    assert_eq!(third.job.prompt.template.as_deref(), Some("{{ question }}"));
    let params = Value::from(third.params.clone()).to_string();
    assert_eq!(
        params,
        r#"{"model":"us.amazon.nova-lite-v1:0","temperature":0.7,"prompt":"plain"}"#
    );
}

#[test]
fn a_variant_keeps_its_name_when_others_come_and_go() {
    let one = names("[sweep]\nmodel = [\"amazon.nova-lite-v1:0\"]");
    let samples = names("[model]\nid = \"amazon.nova-lite-v1:0\"\n[sweep]\nsamples = 3");
    let two = names("[sweep]\nmodel = [\"amazon.nova-pro-v1:0\", \"amazon.nova-lite-v1:0\"]");
    assert_eq!(one, samples);
    assert_eq!(one[0], two[1]);
    assert!(names("[model]\nid = \"amazon.nova-lite-v1:0\"").is_empty());
}

#[test]
fn what_makes_no_sense_in_a_sweep_is_rejected_with_its_place() {
    for (text, said) in [
        (
            "model = []",
            "`sweep`: model has no values: name one, or leave it out",
        ),
        ("temperature = []", "`sweep`: temperature has no values"),
        (
            "temperature = [0, 0.0]",
            "`sweep`: temperature names 0.0 twice",
        ),
        (
            "temperature = 0.5",
            "sweep: `temperature` takes a list of values, not 0.5",
        ),
        (
            "temperature = [\"hot\"]",
            "sweep: `temperature` takes a number, not \"hot\"",
        ),
        (
            "endpoint = [\"emulator\"]",
            "sweep: `endpoint` cannot vary: it is the same for the whole job",
        ),
        (
            "id = [\"a\"]",
            "sweep: `id` cannot vary: the list of models is called model",
        ),
        (
            "tempature = [1]",
            "sweep: `tempature` cannot vary: did you mean `temperature`?",
        ),
        (
            "concurrency = [1]",
            "sweep: `concurrency` cannot vary: keys that can: model, region, ",
        ),
        (
            "model = [\"us.amazon.nova-lite-v1:0\", \"arn:aws:bedrock:us-east-1:123456789012:inference-profile/us.amazon.nova-lite-v1:0\"]",
            "`sweep`: two variants have the name us.nova-lite: {",
        ),
        (
            "[[sweep.prompt]]\ntemplate = \"x\"",
            "`sweep.prompt`: prompt 1: it has no name",
        ),
        (
            "[[sweep.prompt]]\nname = \"a b\"\ntemplate = \"x\"",
            "`sweep.prompt`: prompt \"a b\": its name must consist of letters",
        ),
        (
            "[[sweep.prompt]]\nname = \"a\"",
            "`sweep.prompt`: prompt \"a\": it has no template",
        ),
        (
            "[[sweep.prompt]]\nname = \"a\"\ntemplate = \"x\"\ntemplate_file = \"y\"",
            "`sweep.prompt`: prompt \"a\": keep one of template and template_file",
        ),
        (
            "[[sweep.prompt]]\nname = \"a\"\ntemplate = \"x\"\n[[sweep.prompt]]\nname = \"a\"\ntemplate = \"y\"",
            "`sweep`: two variants have the name nova-pro/a: ",
        ),
        (
            "[[sweep.prompt]]\nname = \"a\"\ntemplate = \"x\"\n[prompt]\ncolumn = \"y\"",
            "`sweep.prompt` and `column` both say where the prompts come from",
        ),
        (
            "samples = 10001",
            "`sweep.samples`: each row would be sent 10001 times, more than 10000: ",
        ),
        (
            "samples = 2\n[input]\ndedupe = true",
            "`input.dedupe`: samples send the same request",
        ),
        (
            "max_tokens = [1,2,3,4,5,6,7,8,9,10,11]\ntop_k = [1,2,3,4,5,6,7,8,9,10]\ntop_p = [0.1,0.2,0.3,0.4,0.5,0.6,0.7,0.8,0.9,1]",
            "`sweep`: its lists make more than 1000 variants",
        ),
    ] {
        let text = format!("model = {{ id = \"amazon.nova-pro-v1:0\" }}\n[sweep]\n{text}");
        let error = job(&text).variants().unwrap_err().to_string();
        assert!(error.starts_with(said), "{text}\n{error}");
    }
    let job = job("[sweep]\non_refused = \"stop\"");
    let error = job.sweep.on_refused().unwrap_err().to_string();
    assert_eq!(error, "`sweep.on_refused`: \"stop\" is not error or skip");
}
