//! Which mode a job uses: decided before the run, for all of its rows.

use super::reduce::{has_object_at_top, reduce};
use super::validate::Schema;
use crate::catalog::Capabilities;
use crate::model::SchemaMode;

/// What a family has a place for in its bodies. Every family takes a schema in the prompt.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Ways {
    /// A schema that the service enforces.
    pub native: bool,
    /// A tool that the model is made to call.
    pub tool: bool,
    /// Whether the service is known to limit the size of a schema that it enforces.
    pub limits_size: bool,
}

/// The mode, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Choice {
    /// The mode.
    pub mode: SchemaMode,
    /// Why it is this one: the end of a sentence.
    pub why: String,
}

/// What is known beside the schema when a mode is chosen.
#[derive(Debug, Clone, Copy)]
pub struct ModeInputs<'a> {
    /// The model's base ID, if it is known.
    pub base: Option<&'a str>,
    /// What its family has a place for.
    pub ways: Ways,
    /// Whether the job asks the model to think, which excludes a forced tool.
    pub thinks: bool,
    /// Whether what is known against a mode is disregarded.
    pub force: bool,
}

/// The mode for `schema`: the one that is `asked` for, else the strictest that the model has and that
/// the schema can be sent in.
///
/// # Errors
/// The one that is asked for cannot be used; says why, and what to do.
pub fn choose(
    asked: Option<SchemaMode>,
    schema: &Schema,
    case: &ModeInputs<'_>,
) -> Result<Choice, String> {
    match asked {
        None => {
            // Where no limit is known, the schema is kept within those that are.
            let ways = Ways {
                limits_size: true,
                ..case.ways
            };
            Ok(automatic(schema, &ModeInputs { ways, ..*case }))
        }
        Some(mode) => {
            let against = against(mode, schema, case);
            if let Some(why) = against {
                return Err(format!(
                    "mode \"{}\" cannot be used: {why}; leave `mode` out to choose the strictest that can",
                    mode.as_str()
                ));
            }
            let why = "the job asks for it".to_owned();
            Ok(Choice { mode, why })
        }
    }
}

fn automatic(schema: &Schema, case: &ModeInputs<'_>) -> Choice {
    let mut mode = SchemaMode::Prompt;
    let mut reasons = Vec::new();
    // Every schema can be sent in the prompt.
    for stricter in [SchemaMode::Native, SchemaMode::Tool] {
        // Of a stricter mode than the model has nothing needs to be said.
        let is_beyond = case.base.and_then(best).is_some_and(|best| stricter < best);
        if is_beyond {
            continue;
        }
        match against(stricter, schema, case) {
            None => {
                mode = stricter;
                break;
            }
            Some(why) => reasons.push(format!("not {}: {why}", stricter.as_str())),
        }
    }
    reasons.insert(0, has(mode, case));
    let why = reasons.join("; ");
    Choice { mode, why }
}

fn best(base: &str) -> Option<SchemaMode> {
    Capabilities::of(base).schema_mode
}

fn has(mode: SchemaMode, case: &ModeInputs<'_>) -> String {
    let base = case.base.unwrap_or("the model");
    match (mode, case.base.and_then(best)) {
        (SchemaMode::Native, _) => format!("{base} has structured outputs"),
        (SchemaMode::Tool, _) => format!("{base} can be made to call a tool"),
        (SchemaMode::Prompt, Some(SchemaMode::Prompt)) => {
            format!("{base} has neither structured outputs nor a tool that it can be made to call")
        }
        (SchemaMode::Prompt, _) => "it works with every model".to_owned(),
    }
}

/// Why a mode cannot be used; `None` if it can.
fn against(mode: SchemaMode, schema: &Schema, case: &ModeInputs<'_>) -> Option<String> {
    let known = case.base.and_then(best);
    let base = case.base.unwrap_or("the model");
    let has_place = match mode {
        SchemaMode::Native => case.ways.native,
        SchemaMode::Tool => case.ways.tool,
        SchemaMode::Prompt => return None,
    };
    if !has_place {
        return Some(format!("the request format of {base} has no place for it"));
    }
    if !case.force {
        match known {
            Some(best) if mode < best => {
                return Some(format!(
                    "{base} does not have it, as far as the catalog knows"
                ));
            }
            Some(_) => {}
            None => {
                return Some(format!(
                    "it is not known whether {base} has it (--force sends it anyway)"
                ));
            }
        }
    }
    match mode {
        SchemaMode::Native => {
            let reduced = reduce(schema.value());
            let applies = case.ways.limits_size && !case.force;
            let exceeded = reduced.limits.exceeded().filter(|_| applies);
            let obstacle = reduced.obstacles.into_iter().next();
            obstacle.or(exceeded)
        }
        SchemaMode::Tool if !has_object_at_top(schema.value()) => Some(
            "the input of a tool is an object, and the top level of the schema is not".to_owned(),
        ),
        SchemaMode::Tool if case.thinks && !case.force => Some(
            "a tool cannot be forced while the model thinks: take `thinking` out of extra"
                .to_owned(),
        ),
        SchemaMode::Tool | SchemaMode::Prompt => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BOTH: Ways = Ways {
        native: true,
        tool: true,
        limits_size: true,
    };
    const TOOL: Ways = Ways {
        native: false,
        ..BOTH
    };
    const OPEN: Ways = Ways {
        limits_size: false,
        ..BOTH
    };
    const OBJECT: &str = r#"{"type": "object", "properties": {"a": {"type": "string"}}}"#;
    const LIST: &str = r#"{"type": "array", "items": {"type": "string"}}"#;
    const MAP: &str = r#"{"type": "object", "additionalProperties": {"type": "string"}}"#;

    fn case(base: &str, ways: Ways) -> ModeInputs<'_> {
        ModeInputs {
            base: Some(base),
            ways,
            thinks: false,
            force: false,
        }
    }

    #[track_caller]
    fn chosen(
        asked: Option<SchemaMode>,
        schema: &str,
        case: &ModeInputs<'_>,
    ) -> Result<SchemaMode, String> {
        let schema = Schema::parse(schema).unwrap();
        choose(asked, &schema, case).map(|choice| choice.mode)
    }

    #[test]
    fn the_strictest_mode_that_model_and_schema_have_is_chosen() {
        let haiku = case("anthropic.claude-haiku-4-5-20251001-v1:0", BOTH);
        let opus = case("anthropic.claude-opus-5", BOTH);
        let thinking = ModeInputs {
            thinks: true,
            ..opus
        };
        for (case, schema, mode) in [
            (&haiku, OBJECT, SchemaMode::Native),
            (&haiku, MAP, SchemaMode::Tool),
            (&haiku, LIST, SchemaMode::Prompt),
            (&opus, OBJECT, SchemaMode::Tool),
            (&thinking, OBJECT, SchemaMode::Prompt),
            (
                &case("anthropic.claude-opus-5-5", BOTH),
                OBJECT,
                SchemaMode::Prompt,
            ),
            (
                &case("amazon.nova-2-lite-v1:0", TOOL),
                OBJECT,
                SchemaMode::Tool,
            ),
            (
                &case("openai.gpt-oss-20b-1:0", BOTH),
                OBJECT,
                SchemaMode::Native,
            ),
            (
                &case("mistral.pixtral-large-2502-v1:0", TOOL),
                OBJECT,
                SchemaMode::Tool,
            ),
            (
                &case("meta.llama3-3-70b-instruct-v1:0", Ways::default()),
                OBJECT,
                SchemaMode::Prompt,
            ),
            (
                &case("anthropic.claude-next", BOTH),
                OBJECT,
                SchemaMode::Prompt,
            ),
        ] {
            assert_eq!(chosen(None, schema, case), Ok(mode), "{case:?} {schema}");
        }
    }

    #[test]
    fn the_size_of_a_schema_is_checked_where_a_limit_is_known_or_auto_chooses() {
        let fields: Vec<_> = (0..25)
            .map(|n| format!(r#""p{n}": {{"type": "string"}}"#))
            .collect();
        let large = format!(
            r#"{{"type": "object", "properties": {{{}}}}}"#,
            fields.join(",")
        );
        let native = Some(SchemaMode::Native);
        let haiku = case("anthropic.claude-haiku-4-5-20251001-v1:0", BOTH);
        let oss = case("openai.gpt-oss-20b-1:0", OPEN);
        let said = chosen(native, &large, &haiku).unwrap_err();
        assert!(said.contains("25 optional properties"), "{said}");
        assert_eq!(chosen(native, &large, &oss), Ok(SchemaMode::Native));
        for case in [haiku, oss] {
            assert_eq!(chosen(None, &large, &case), Ok(SchemaMode::Tool));
        }
    }

    #[test]
    fn a_mode_that_is_asked_for_and_cannot_be_used_is_rejected() {
        let haiku = case("anthropic.claude-haiku-4-5-20251001-v1:0", BOTH);
        let opus = case("anthropic.claude-opus-5", BOTH);
        let thinking = ModeInputs {
            thinks: true,
            ..opus
        };
        let llama = case("meta.llama3-3-70b-instruct-v1:0", Ways::default());
        let new = case("anthropic.claude-next", BOTH);
        for (mode, case, schema, said) in [
            (
                SchemaMode::Native,
                &opus,
                OBJECT,
                "anthropic.claude-opus-5 does not have it",
            ),
            (
                SchemaMode::Native,
                &llama,
                OBJECT,
                "the request format of meta",
            ),
            (
                SchemaMode::Native,
                &haiku,
                LIST,
                "the top level is not an object",
            ),
            (
                SchemaMode::Tool,
                &haiku,
                LIST,
                "the input of a tool is an object",
            ),
            (
                SchemaMode::Tool,
                &thinking,
                OBJECT,
                "a tool cannot be forced while",
            ),
            (SchemaMode::Native, &new, OBJECT, "it is not known whether"),
        ] {
            let error = chosen(Some(mode), schema, case).unwrap_err();
            assert!(error.contains(said), "{error}");
        }
        let forced = ModeInputs { force: true, ..new };
        assert_eq!(
            chosen(Some(SchemaMode::Native), OBJECT, &forced),
            Ok(SchemaMode::Native)
        );
        assert_eq!(
            chosen(Some(SchemaMode::Prompt), LIST, &llama),
            Ok(SchemaMode::Prompt)
        );
        assert_eq!(
            chosen(Some(SchemaMode::Tool), OBJECT, &haiku),
            Ok(SchemaMode::Tool)
        );
    }
}
