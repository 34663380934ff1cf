use super::*;

/// Asserts what an id tells: kind, base id, region; or why it is none.
#[track_caller]
fn check(text: &str, told: &str) {
    let found = match ModelId::parse(text) {
        Ok(id) => {
            assert_eq!(id.as_str(), text, "what goes on the wire is what was typed");
            let (base, region) = (id.base().unwrap_or("-"), id.region().unwrap_or("-"));
            format!("{:?} {base} {region}", id.kind())
        }
        Err(error) => error.to_string(),
    };
    assert_eq!(found, told);
}

#[test]
fn plain_ids_lose_geography_and_context_size() {
    let nova = "Base amazon.nova-lite-v1:0 -";
    check("amazon.nova-lite-v1:0", nova);
    check("amazon.nova-lite-v1:0:300k", nova);
    check("anthropic.claude-v2:1", "Base anthropic.claude-v2:1 -");
    check("anthropic.claude-v2:1:200k", "Base anthropic.claude-v2:1 -");
    check(
        "amazon.titan-embed-text-v1:2:8k",
        "Base amazon.titan-embed-text-v1:2 -",
    );
    check("openai.gpt-6.1-sol", "Base openai.gpt-6.1-sol -");
    check("zai.glm-5", "Base zai.glm-5 -");
    for geo in GEOS.into_iter().chain(["kr", "mx", "moon"]) {
        let id = format!("{geo}.anthropic.claude-opus-5");
        check(&id, "Profile anthropic.claude-opus-5 -");
    }
}

#[test]
fn arns_tell_their_region_and_sometimes_their_model() {
    check(
        "arn:aws:bedrock:us-east-1::foundation-model/amazon.nova-lite-v1:0",
        "Base amazon.nova-lite-v1:0 us-east-1",
    );
    check(
        "arn:aws-us-gov:bedrock:us-gov-west-1:123456789012:inference-profile/us-gov.anthropic.claude-opus-5",
        "Profile anthropic.claude-opus-5 us-gov-west-1",
    );
    check(
        "arn:aws:bedrock:us-east-1:123456789012:custom-model/amazon.titan-text-express-v1:0:8k/abcdefghijkl",
        "Custom amazon.titan-text-express-v1:0 us-east-1",
    );
    check(
        "arn:aws:sagemaker:us-east-1:123456789012:endpoint/mine",
        "MarketplaceEndpoint - us-east-1",
    );
}

#[test]
fn a_geography_may_be_newer_than_the_list() {
    check(
        "kr.anthropic.claude-opus-5",
        "Profile anthropic.claude-opus-5 -",
    );
    check(
        "mx.amazon.nova-lite-v1:0",
        "Profile amazon.nova-lite-v1:0 -",
    );
    check(
        "arn:aws:bedrock:ap-northeast-2:123456789012:inference-profile/kr.amazon.nova-lite-v1:0",
        "Profile amazon.nova-lite-v1:0 ap-northeast-2",
    );
}

#[test]
fn opaque_arns_tell_their_kind_and_region_only() {
    for (resource, kind) in [
        (
            "application-inference-profile/a1b2c3d4e5f6",
            "ApplicationProfile",
        ),
        ("provisioned-model/a1b2c3d4e5f6", "Provisioned"),
        ("custom-model-deployment/a1b2c3d4e5f6", "CustomDeployment"),
        ("custom-model/imported/a1b2c3d4e5f6", "Custom"),
        ("imported-model/a1b2c3d4e5f6", "Imported"),
        ("prompt-router/mine", "PromptRouter"),
        ("default-prompt-router/anthropic.claude:1", "PromptRouter"),
    ] {
        let arn = format!("arn:aws-cn:bedrock:cn-north-1:123456789012:{resource}");
        check(&arn, &format!("{kind} - cn-north-1"));
    }
}

#[test]
fn a_name_without_its_provider_is_completed() {
    check(
        "claude-haiku-4-5",
        "`claude-haiku-4-5` is not a Bedrock model ID; did you mean \
         `us.anthropic.claude-haiku-4-5-20251001-v1:0`? give a model ID such as \
         `amazon.nova-lite-v1:0`, an inference profile such as \
         `us.anthropic.claude-haiku-4-5-20251001-v1:0`, or an ARN",
    );
    check(
        "gpt-4o",
        "`gpt-4o` is not a Bedrock model ID; give a model ID such as \
         `amazon.nova-lite-v1:0`, an inference profile such as \
         `us.anthropic.claude-haiku-4-5-20251001-v1:0`, or an ARN",
    );
}

#[test]
fn a_provider_that_is_not_known_is_called_where_the_family_is_named() {
    check(
        "newlab.brain-1",
        "`newlab.brain-1`: no provider `newlab` is known; if its models are new on Amazon Bedrock, \
         name a layout that they share with --family",
    );
    check(
        "antropic.claude-opus-5",
        "`antropic.claude-opus-5`: no provider `antropic` is known; did you mean \
         `us.anthropic.claude-opus-5`? if its models are new on Amazon Bedrock, name a layout that \
         they share with --family",
    );
    for (text, kind, base) in [
        ("newlab.brain-1", IdKind::Base, "newlab.brain-1"),
        ("us.newlab.brain-1", IdKind::Profile, "newlab.brain-1"),
        (
            "newlab.brain-2.5-v1:0",
            IdKind::Base,
            "newlab.brain-2.5-v1:0",
        ),
    ] {
        let id = ModelId::parse_of_any_provider(text).expect("a form that there is");
        assert_eq!((id.kind(), id.base()), (kind, Some(base)), "{text}");
    }
    for none in [
        "newlab",
        "newlab.",
        ".brain",
        ".amazon.nova-lite-v1:0",
        "a..b",
    ] {
        let error = ModelId::parse_of_any_provider(none).expect_err(none);
        assert!(matches!(error, IdError::UnknownForm { .. }), "{none}");
    }
}

#[test]
fn strange_characters_are_named() {
    check(
        "anthropic/clod-9",
        "`anthropic/clod-9` is no model id: it has a `/` in it, which only ARNs have; \
         model ids look like `amazon.nova-lite-v1:0`",
    );
    check(
        "bedrock/eu.amazon.nova-pro-v1:0",
        "`bedrock/eu.amazon.nova-pro-v1:0` is no model id: it has a `/` in it, which only ARNs \
         have; did you mean `eu.amazon.nova-pro-v1:0`?",
    );
    check(
        "Amazon.Nova-Micro-v1:0",
        "`Amazon.Nova-Micro-v1:0` is no model id: it has a capital letter in it, `A`; \
         did you mean `us.amazon.nova-micro-v1:0`?",
    );
    check(
        "zai.glm-5 ",
        "`zai.glm-5 ` is no model id: it has a space in it; did you mean `zai.glm-5`?",
    );
}

#[test]
fn nothing_and_too_much_are_refused() {
    check(
        " ",
        "the model id is empty; give a model ID such as `amazon.nova-lite-v1:0`, an inference \
         profile such as `us.anthropic.claude-haiku-4-5-20251001-v1:0`, or an ARN",
    );
    let long = format!("amazon.{}", "a".repeat(2042));
    check(
        &long,
        "the model id has 2049 characters; the service takes 2048",
    );
}

/// Asserts the reason why an ARN is refused.
#[track_caller]
fn refused(arn: &str, why: &str) {
    let error = ModelId::parse(arn).expect_err("refused").to_string();
    assert!(error.contains(why), "{error}\nshould say: {why}");
}

#[test]
fn arns_of_other_things_are_refused_with_the_reason() {
    refused("arn:aws:s3:::bucket/key", "it names no region");
    refused(
        "arn:aws:lambda:us-east-1:123456789012:function/f",
        "`lambda` is not the service",
    );
    refused("arn:aws:bedrock:us-east-1", "it has 4 of the 6 parts");
    refused(
        "arn:aws:bedrock:us-east-1:123456789012:prompt/ABCDEFGHIJ:1",
        "works with Converse only",
    );
    refused(
        "arn:aws:bedrock:us-east-1:123456789012:guardrail/abc",
        "`guardrail` is no model",
    );
    refused(
        "arn:aws:bedrock:us-east-1:1234:imported-model/abc",
        "`1234` is no account number",
    );
    refused(
        "arn:aws:bedrock:us-east-1:123456789012:imported-model/",
        "no ID after",
    );
    refused(
        "arn:aws:bedrock:us-east-1:123456789012:inference-profile/abc",
        "application-inference-profile",
    );
    refused(
        "arn:gcp:bedrock:us-east-1::foundation-model/a.b",
        "`gcp` is no partition",
    );
}

#[test]
fn what_stands_behind_an_arn_gives_base_and_price_but_not_the_id() {
    let arn = |kind| format!("arn:aws:bedrock:us-east-1:123456789012:{kind}/abcdefghij12");
    let profile = ModelId::parse(&arn("application-inference-profile")).unwrap();
    assert!(profile.hides_its_model() && !profile.tells_its_model());
    let known = profile.behind("us.amazon.nova-lite-v1:0");
    assert!(!known.hides_its_model() && !known.tells_its_model());
    assert_eq!(known.as_str(), arn("application-inference-profile"));
    assert_eq!(known.base(), Some("amazon.nova-lite-v1:0"));
    assert_eq!(known.like(), "us.amazon.nova-lite-v1:0");
    let bought = ModelId::parse(&arn("provisioned-model")).unwrap();
    let bought = bought.behind("amazon.nova-lite-v1:0");
    assert_eq!(
        bought.like(),
        arn("provisioned-model"),
        "paid for by the hour"
    );
    assert!(
        !ModelId::parse(&arn("imported-model"))
            .unwrap()
            .hides_its_model()
    );
}

#[test]
fn an_older_version_is_not_what_was_meant() {
    assert_eq!(suggest("us.anthropic.claude-haiku-6-1"), None);
    assert_eq!(suggest("antropic.claude-haiku-6-1"), None);
    assert_eq!(suggest("amazon.titan-embed-text-v3:0"), None);
    let newer = "us.anthropic.claude-haiku-4-5-20251001-v1:0";
    for mistyped in ["20251001-v2:0", "20251101-v1:0", "20251011-v1:0"] {
        let typed = format!("us.anthropic.claude-haiku-4-5-{mistyped}");
        assert_eq!(suggest(&typed).as_deref(), Some(newer), "{typed}");
    }
    assert_eq!(
        suggest("us.anthropic.claude-haiku-4-4").as_deref(),
        Some(newer)
    );
    let newest = "us.anthropic.claude-opus-9-1-20301001-v1:0";
    assert_eq!(suggest(newest), None, "not another model");
    assert_eq!(
        suggest("anthropic.claude-v2").as_deref(),
        Some("anthropic.claude-v2:1")
    );
}

#[test]
fn a_word_of_a_name_is_answered_with_the_newest_models_that_have_it() {
    let listed = |text: &str| suggest(text).unwrap_or_default();
    let haiku = "us.anthropic.claude-haiku-";
    for typed in [
        "haiku",
        "Haiku",
        "us.haiku",
        "claude-haiku",
        "anthropic.haiku",
    ] {
        assert!(
            listed(typed).starts_with(haiku),
            "{typed}: {}",
            listed(typed)
        );
    }
    assert!(
        listed("eu.haiku").starts_with("eu."),
        "{}",
        listed("eu.haiku")
    );
    for typed in [
        "claude",
        "sonnet",
        "opus",
        "nova",
        "llama",
        "titan-embed",
        "gpt-oss",
        "mistral",
    ] {
        let listed = listed(typed);
        let ids: Vec<_> = listed.split("`, `").collect();
        assert!((1..=3).contains(&ids.len()), "{typed}: {listed}");
        for id in ids {
            assert!(ModelId::parse(id).is_ok(), "{typed}: {id}");
        }
    }
    assert_eq!(suggest("4o"), None);
}
