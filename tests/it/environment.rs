//! Variables and files of the environment that AWS's tools read, right and wrong.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt as _;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;

use crate::harness::{Job, NOVA, Out, QUICK, Service};

/// The verbs that connect to AWS.
fn verbs() -> [Job; 4] {
    let run = Job::new("run")
        .file("prompts.csv", "id,text\na,one\n")
        .the_usual();
    let check = Job::new("check").args(["-m", NOVA]);
    let quotas = Job::new("quotas").args([NOVA]);
    [run, check, Job::new("models"), quotas]
}

/// Every verb says this, with this exit code.
#[track_caller]
fn every_verb(prepare: impl Fn(Job) -> Job, code: i32, says: &str) {
    for job in verbs() {
        let out = prepare(job).run();
        let said = format!("{}{}", out.stdout, out.stderr);
        assert_eq!(out.code, Some(code), "{said}");
        assert!(said.contains(says), "{said}");
    }
}

fn signed(job: Job) -> Job {
    job.env("AWS_ACCESS_KEY_ID", "made-up")
        .env("AWS_SECRET_ACCESS_KEY", "made-up")
        .env("AWS_REGION", "us-east-1")
}

#[test]
fn a_key_that_ends_in_a_carriage_return_is_named_by_every_verb() {
    let says = "AWS_ACCESS_KEY_ID ends in a carriage return (\\r), which no AWS key or token does; set it \
                again without that character";
    every_verb(
        |job| signed(job).env("AWS_ACCESS_KEY_ID", "AKIASECRET\r"),
        77,
        says,
    );
}

#[test]
fn settings_that_the_sdk_cannot_use_are_named_by_every_verb() {
    every_verb(
        |job| signed(job).env("AWS_REGION", "us-east-1\n"),
        2,
        "AWS_REGION ends in a line break (\\n): set it to a region such as us-east-1, or unset it",
    );
    every_verb(
        |job| signed(job).env("AWS_PROFILE", "wrok"),
        2,
        "no profile `wrok` (named by AWS_PROFILE) in the AWS configuration: there is none",
    );
    every_verb(
        |job| signed(job).file(".aws/config", "[default]\nnothing\n"),
        2,
        "the AWS configuration cannot be read: ",
    );
}

#[test]
fn fips_and_an_endpoint_exclude_each_other() {
    let [run, check, ..] = verbs();
    for job in [run, check] {
        let job = signed(job).env("AWS_USE_FIPS_ENDPOINT", "true");
        let out = job
            .env("AWS_ENDPOINT_URL", "http://127.0.0.1:1")
            .run()
            .exits(2);
        let said = format!("{}{}", out.stdout, out.stderr);
        let says = "AWS_USE_FIPS_ENDPOINT (`use_fips_endpoint`) and an endpoint URL exclude each other: \
                    unset one";
        assert!(said.contains(says), "{said}");
    }
}

#[test]
fn keys_of_a_file_are_checked_as_those_of_the_environment() {
    let keys = "[default]\naws_access_key_id = \"AKIASECRET\"\naws_secret_access_key = SECRET\n";
    every_verb(
        |job| {
            job.file(".aws/credentials", keys)
                .env("AWS_REGION", "us-east-1")
        },
        77,
        "`aws_access_key_id` of profile `default` in ~/.aws/credentials begins with a double quote (\")",
    );
}

#[test]
fn a_profile_of_aws_login_names_the_way_round() {
    let config = "[profile console]\nlogin_session = arn:aws:iam::111122223333:user/ada\n\
                  region = us-east-1\n";
    every_verb(
        |job| {
            job.file(".aws/config", config)
                .args(["--profile", "console"])
        },
        77,
        "credential_process = aws configure export-credentials --profile console --format process",
    );
}

#[test]
fn a_profile_whose_source_profile_is_missing_is_named() {
    let config = "[default]\nregion = us-east-1\nrole_arn = arn:aws:iam::111122223333:role/r\n\
                  source_profile = base\n";
    every_verb(
        |job| job.file(".aws/config", config),
        2,
        "no profile `base` (`source_profile` of profile `default`) in the AWS configuration: there are \
         default",
    );
}

#[test]
fn numbers_of_the_environment_that_are_none_do_no_harm() {
    let service = Service::playing(QUICK);
    for (name, value) in [("AWS_MAX_ATTEMPTS", "0"), ("AWS_RETRY_MODE", "nonsense")] {
        let job = Job::new("check").args(["-m", NOVA]).env(name, value);
        let _ = job.on(&service.url).run().exits(0);
    }
}

/// The answer came from the emulator that the services section names.
#[track_caller]
fn answered(out: Out) {
    let out = out.exits(0);
    assert_eq!(out.answered(), "a");
    assert_eq!(out.answers()["a"]["emulated"], true);
}

#[test]
fn the_endpoint_of_a_services_section_is_called() {
    let service = Service::playing(QUICK);
    for spelling in ["bedrock_runtime", "bedrock-runtime"] {
        let config = format!(
            "[default]\nservices = mine\nendpoint_url = http://127.0.0.1:1\n\n[services mine]\n\
             {spelling} =\n  endpoint_url = {}\n",
            service.url
        );
        let [run, ..] = verbs();
        answered(signed(run).file(".aws/config", config).run());
    }
}

#[test]
fn boolean_flags_take_their_value_as_the_next_word_too() {
    let streamed = |words: &[&str]| {
        let mut job = Job::over("id,text\na,one\n").args(["-t", "{{ text }}"]);
        for word in words {
            job = job.args([word]);
        }
        let out = job.run().exits(0);
        out.answers()["a"]["latency"]["first_token_ms"].is_number()
            || out.answers()["a"]["first_token_ms"].is_number()
    };
    assert!(streamed(&["--stream"]));
    assert!(streamed(&["--stream", "true"]));
    assert!(streamed(&["--stream=true"]));
    assert!(!streamed(&["--stream", "false"]));
    assert!(!streamed(&["--stream=false"]));
    assert!(!streamed(&["--quiet", "true"]));
}

/// A run whose output has the day in its name, and what it wrote there.
#[track_caller]
fn on_the_day(prepare: impl Fn(Job) -> Job) -> Out {
    let job = Job::new("run")
        .file("prompts.csv", "id,text\na,one\n")
        .scenario(QUICK)
        .args(["-i", "prompts.csv", "-m", NOVA, "-t", "{{ text }}"])
        .args(["-o", "out-{{ date }}.jsonl"]);
    prepare(job).run().exits(0)
}

#[test]
fn the_date_of_a_path_can_be_set_and_is_kept_in_the_command_that_resumes() {
    let out = on_the_day(|job| job.args(["--date", "2026-02-28"]));
    assert_eq!(out.text("out-2026-02-28.jsonl").lines().count(), 1);
    let bad = Job::new("plan")
        .args(["--date", "yesterday"])
        .run()
        .exits(2);
    let _ = bad.says("it takes a date such as 2026-11-30");
}

#[test]
fn an_unknown_time_zone_is_a_warning_if_a_path_has_the_date() {
    let unknown =
        "TZ=Nowhere/Land: no such time zone is known here; {{ date }} in paths is the date in UTC";
    let out = on_the_day(|job| job.env("TZ", "Nowhere/Land"));
    let _ = out.says(unknown);
    for zone in ["Europe/Berlin", "UTC", ""] {
        // No database of time zones is needed.
        let out = on_the_day(|job| job.env("TZ", zone).env("TZDIR", "/none"));
        assert!(!out.stderr.contains("time zone"), "{zone}: {}", out.stderr);
    }
    let set = on_the_day(|job| job.env("TZ", "Nowhere/Land").args(["--date", "2026-02-28"]));
    assert!(!set.stderr.contains("TZ"), "{}", set.stderr);
    let undated = Job::over("prompt\none\n").env("TZ", "Nowhere/Land").run();
    assert!(!undated.stderr.contains("TZ"), "{}", undated.stderr);
}

#[test]
fn a_profile_of_another_geography_is_remarked_upon_by_plan_and_run() {
    let remark = "`us.amazon.nova-lite-v1:0` is a profile of the geography `us`, which eu-west-3 is no part \
                  of, as far as the catalog knows: the model is called there as eu.amazon.nova-lite-v1:0";
    let job = |verb: &str| {
        Job::new(verb)
            .file("prompts.csv", "prompt\none\n")
            .args(["-i", "prompts.csv", "-o", "out.jsonl"])
            .args(["-m", "us.amazon.nova-lite-v1:0"])
    };
    let there = ["--region", "eu-west-3"];
    let _ = job("run").scenario(QUICK).args(there).run().says(remark);
    let plan = job("plan").scenario(QUICK).args(there).run();
    assert!(plan.stdout.contains(remark), "{}", plan.stdout);
    let here = job("run").scenario(QUICK).run();
    assert!(!here.stderr.contains("geography"), "{}", here.stderr);
    let service = Service::playing(QUICK);
    let run = signed(job("run"))
        .env("AWS_ENDPOINT_URL", &service.url)
        .env("AWS_REGION", "eu-west-3");
    let _ = run.run().exits(0).says(remark);
}

/// Words of the SDK that a person never has to read.
const WORDS_OF_THE_SDK: &[&str] = &[
    "SdkError",
    "DispatchFailure",
    "ConstructionFailure",
    "ConnectorError",
    "CredentialsError",
    "ProviderError",
    "CredentialsNotLoaded",
    "Unhandled",
    "HttpRequest",
    "dispatch failure",
    "Error {",
    "Some(",
    "panic",
];

/// What every secret of the environments holds.
const SECRET: &str = "S3CR3T";

/// Random environments against the binary. `ENVIRONMENT_SECONDS` makes it last, `ENVIRONMENT_SEED`
/// makes others.
#[test]
fn no_environment_makes_it_panic_speak_for_the_sdk_or_print_a_secret() {
    let number = |name: &str| std::env::var(name).ok().and_then(|it| it.parse().ok());
    let seed = number("ENVIRONMENT_SEED").unwrap_or(1);
    let until = number("ENVIRONMENT_SECONDS").map(Duration::from_secs);
    let mut dice = fastrand::Rng::with_seed(seed);
    let begun = clock();
    let mut tried = 0_u64;
    let mut exits = BTreeMap::new();
    while until.map_or(tried < 40, |until| clock() - begun < until) {
        let environment = Environment::random(&mut dice);
        let exit = environment.try_out();
        *exits.entry(exit).or_insert(0_u64) += 1;
        tried += 1;
    }
    println!("{tried} environments, seed {seed}, by exit code: {exits:?}");
}

#[expect(
    clippy::disallowed_methods,
    reason = "a test that lasts as long as it is told, in the real world"
)]
fn clock() -> Instant {
    Instant::now()
}

struct Environment {
    verb: &'static [&'static str],
    variables: Vec<(&'static str, OsString)>,
    config: Vec<u8>,
    credentials: Vec<u8>,
}

const CALLS: &[&[&str]] = &[
    &["check", "-m", NOVA],
    &[
        "run",
        "-i",
        "in.csv",
        "-t",
        "{{ text }}",
        "-m",
        NOVA,
        "-o",
        "out.jsonl",
    ],
    &[
        "plan",
        "-i",
        "in.csv",
        "-t",
        "{{ text }}",
        "-m",
        NOVA,
        "-o",
        "out.jsonl",
    ],
    &["models"],
    &["quotas", NOVA],
    &["check", "-m", NOVA, "--profile", "work"],
];

const SECRETS: &[&str] = &[
    "AWS_ACCESS_KEY_ID",
    "AWS_SECRET_ACCESS_KEY",
    "AWS_SESSION_TOKEN",
    "AWS_BEARER_TOKEN_BEDROCK",
    "AWS_CONTAINER_AUTHORIZATION_TOKEN",
];

const NAMES: &[&str] = &[
    "AWS_REGION",
    "AWS_DEFAULT_REGION",
    "AWS_PROFILE",
    "AWS_CONFIG_FILE",
    "AWS_SHARED_CREDENTIALS_FILE",
    "AWS_CA_BUNDLE",
    "SSL_CERT_FILE",
    "AWS_ENDPOINT_URL",
    "AWS_ENDPOINT_URL_BEDROCK_RUNTIME",
    "AWS_ENDPOINT_URL_BEDROCK",
    "AWS_ENDPOINT_URL_SERVICE_QUOTAS",
    "AWS_ENDPOINT_URL_STS",
    "AWS_ENDPOINT_URL_SSO",
    "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS",
    "AWS_USE_FIPS_ENDPOINT",
    "AWS_USE_DUALSTACK_ENDPOINT",
    "AWS_MAX_ATTEMPTS",
    "AWS_RETRY_MODE",
    "AWS_NEW_RETRIES_2026",
    "AWS_SDK_UA_APP_ID",
    "AWS_EXECUTION_ENV",
    "AWS_ACCOUNT_ID",
    "AWS_ACCOUNT_ID_ENDPOINT_MODE",
    "AWS_AUTH_SCHEME_PREFERENCE",
    "AWS_SIGV4A_SIGNING_REGION_SET",
    "AWS_REQUEST_CHECKSUM_CALCULATION",
    "AWS_RESPONSE_CHECKSUM_VALIDATION",
    "AWS_REQUEST_MIN_COMPRESSION_SIZE_BYTES",
    "AWS_DISABLE_REQUEST_COMPRESSION",
    "AWS_WEB_IDENTITY_TOKEN_FILE",
    "AWS_ROLE_ARN",
    "AWS_ROLE_SESSION_NAME",
    "AWS_CONTAINER_CREDENTIALS_FULL_URI",
    "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
    "HTTPS_PROXY",
    "https_proxy",
    "ALL_PROXY",
    "HTTP_PROXY",
    "NO_PROXY",
    "REQUEST_METHOD",
    "TZ",
    "HOME",
];

const VALUES: &[&str] = &[
    "",
    "us-east-1",
    "eu-west-1",
    "xx-nowhere-9",
    "default",
    "work",
    "true",
    "false",
    "0",
    "-1",
    "99999999999999999999",
    "standard",
    "adaptive",
    "http://127.0.0.1:1",
    "https://127.0.0.1:1",
    "https://127.0.0.1:1/path?query#part",
    "socks5://127.0.0.1:1",
    "http://[::1]:1",
    "http://",
    "http://:80",
    "https://127.0.0.1:99999",
    "https://ada@127.0.0.1:1/%zz",
    "127.0.0.1:1",
    "localhost,127.0.0.0/8",
    "*",
    "/dev/null",
    "in.csv",
    "/none/such",
    ".",
    "arn:aws:iam::111122223333:role/r",
    "/relative",
    "\u{feff}us-east-1",
    "käse",
    "a b",
];

const URLS: &[&str] = &[
    "",
    "http://127.0.0.1:1",
    "http://ada:S3CR3T@127.0.0.1:1",
    "https://ada:S3CR3T@127.0.0.1:1/path",
    "https://127.0.0.1:1/path?query#part",
    "socks5://ada:S3CR3T@127.0.0.1:1",
    "http://[::1]:1",
    "http://",
    "http://:80",
    "http://10.0.0.1:1",
    "https://127.0.0.1:99999",
    "https://ada:S3CR3T@127.0.0.1:1/%zz",
    "127.0.0.1:1",
    "localhost,127.0.0.0/8",
    "*",
    "/relative",
    "us-east-1",
    "true",
];

const DIRT: &[&str] = &[
    "\r",
    "\n",
    "\t",
    " ",
    "\"",
    "'",
    "`",
    "\u{1b}[31m",
    "\u{7f}",
    "\u{85}",
    "\u{a0}",
    "\u{2028}",
    "é",
    "%",
    "%0a",
    "{",
    "}",
    "\\",
    "#",
    ";",
    "=",
    "]",
    "@",
];

const KEYS: &[&str] = &[
    "region",
    "aws_access_key_id",
    "aws_secret_access_key",
    "aws_session_token",
    "role_arn",
    "source_profile",
    "credential_source",
    "credential_process",
    "web_identity_token_file",
    "role_session_name",
    "external_id",
    "login_session",
    "sso_session",
    "sso_start_url",
    "sso_region",
    "sso_account_id",
    "sso_role_name",
    "endpoint_url",
    "services",
    "ca_bundle",
    "retry_mode",
    "max_attempts",
    "use_fips_endpoint",
    "use_dualstack_endpoint",
    "ignore_configured_endpoint_urls",
    "sdk_ua_app_id",
    "account_id_endpoint_mode",
    "auth_scheme_preference",
    "request_min_compression_size_bytes",
];

fn any<'a>(dice: &mut fastrand::Rng, of: &[&'a str]) -> &'a str {
    of[dice.usize(..of.len())]
}

/// A value that may be right, with something wrong put into it two times in three.
fn value(dice: &mut fastrand::Rng, of: &[&str]) -> Vec<u8> {
    let mut value = any(dice, of).as_bytes().to_vec();
    if dice.u8(..3) != 0 {
        let dirt = any(dice, DIRT).as_bytes();
        let at = [0, value.len() / 2, value.len()][dice.usize(..3)];
        value.splice(at..at, dirt.iter().copied());
    }
    if dice.u8(..20) == 0 {
        value.push(0xff);
    }
    if dice.u8(..50) == 0 {
        value.extend([b'x'; 5000]);
    }
    value
}

/// Values for a variable or a key. A URL may have a password; a name is shown as it is.
fn values_of(name: &str) -> &'static [&'static str] {
    let is_url = ["URL", "URI", "PROXY", "ENDPOINT"];
    match is_url.iter().any(|part| name.to_uppercase().contains(part)) {
        true => URLS,
        false => VALUES,
    }
}

/// A file of profiles, most of it right.
fn file(dice: &mut fastrand::Rng) -> Vec<u8> {
    let mut file = Vec::new();
    for _ in 0..dice.u8(..4) {
        let heads = [
            "[default]",
            "[profile work]",
            "[work]",
            "[services s]",
            "[sso-session s]",
            "[profile \"work\"]",
            "[default",
            "[]",
        ];
        file.extend(any(dice, &heads).as_bytes());
        file.push(b'\n');
        for _ in 0..dice.u8(..5) {
            let key = any(dice, KEYS);
            let of = match key {
                _ if key.starts_with("aws_") => &[SECRET][..],
                "credential_process" => &["/bin/false", "/bin/echo {}", "/none/such S3CR3T"],
                "services" | "sso_session" => &["s", "t"],
                _ => values_of(key),
            };
            file.extend(format!("{key} = ").as_bytes());
            file.extend(value(dice, of));
            file.push(b'\n');
        }
    }
    file
}

impl std::fmt::Display for Environment {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        writeln!(f, "{:?}\n{:?}", self.verb, self.variables)?;
        for file in [&self.config, &self.credentials] {
            writeln!(f, "--\n{}", String::from_utf8_lossy(file).escape_debug())?;
        }
        Ok(())
    }
}

impl Environment {
    fn random(dice: &mut fastrand::Rng) -> Self {
        let mut variables = Vec::new();
        for name in SECRETS {
            if dice.u8(..3) == 0 {
                let value = match dice.u8(..4) {
                    0 => value(dice, &[SECRET]),
                    _ => SECRET.into(),
                };
                variables.push((*name, OsString::from_vec(value)));
            }
        }
        for _ in 0..dice.u8(..4) {
            let name = any(dice, NAMES);
            let value = value(dice, values_of(name));
            variables.push((name, OsString::from_vec(value)));
        }
        Self {
            verb: CALLS[dice.usize(..CALLS.len())],
            variables,
            config: file(dice),
            credentials: if dice.bool() { file(dice) } else { Vec::new() },
        }
    }

    /// Runs the binary in it, and returns its exit code.
    #[track_caller]
    fn try_out(&self) -> i32 {
        let folder = TempDir::new().unwrap();
        let write = |name: &str, content: &[u8]| {
            std::fs::write(folder.path().join(name), content).unwrap();
        };
        std::fs::create_dir(folder.path().join(".aws")).unwrap();
        write("in.csv", b"id,text\na,one\n");
        write(".aws/config", &self.config);
        write(".aws/credentials", &self.credentials);
        let out = Command::new(env!("CARGO_BIN_EXE_promptmill"))
            .args(self.verb)
            .current_dir(folder.path())
            .env_clear()
            .env("HOME", folder.path())
            .env("AWS_REGION", "us-east-1")
            .env("AWS_EC2_METADATA_DISABLED", "true")
            .env("AWS_ENDPOINT_URL", "http://127.0.0.1:1")
            .env("RES_OPTIONS", "timeout:1 attempts:1")
            .envs(self.variables.iter().map(|(name, value)| (name, value)))
            .args(match self.verb[0] {
                "run" => &["--throttle-wait", "1s", "--max-attempts", "1"][..],
                _ => &[],
            })
            .stdin(Stdio::null())
            .output()
            .unwrap();
        let said = [out.stdout, out.stderr].concat();
        let said = String::from_utf8_lossy(&said);
        let code = out.status.code();
        assert!(
            matches!(code, Some(0 | 2 | 3 | 75 | 77)),
            "{code:?}\n{self}\n{said}"
        );
        for word in WORDS_OF_THE_SDK.iter().chain([&SECRET]) {
            assert!(!said.contains(word), "`{word}`\n{self}\n{said}");
        }
        code.unwrap()
    }
}
