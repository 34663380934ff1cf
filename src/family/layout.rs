//! What makes a family: each family's file holds one [`Layout`], and nothing else knows more.

use serde_json::Value;

use super::join::Join;
use super::{Misread, Parameters, Ranges};
use crate::model::{Api, Bill, ParsedReply, Prompt};

/// A family, in one place.
pub(super) struct Layout {
    /// The name in job files and messages.
    pub(super) name: &'static str,
    /// The base ids it serves, by how they begin. Over all families the longest beginning decides.
    pub(super) serves: &'static [&'static str],
    /// The parameters it has a place for.
    pub(super) takes: &'static [Ranges],
    /// The prompts it has a form for.
    pub(super) form: Form,
    /// The API whose messages its bodies hold as they are.
    pub(super) api: Option<Api>,
    /// How its models are shown images.
    pub(super) images: Images,
    /// The most bytes of an image in a message, where the documents say so.
    pub(super) largest_image: Option<usize>,
    /// Whether a body can say that its system prompt is to be cached.
    pub(super) marks_cache: bool,
    /// How a job asks for thinking, through `extra`.
    pub(super) thinking: Thinking,
    /// What a body may say of the model that is called and of how it is answered.
    pub(super) own_model: OwnModel,
    /// A key for the longest response that makes a body one of another shape, so that no other limit
    /// may stand beside it.
    pub(super) lone_limit: Option<&'static str>,
    /// How bodies ask for a response that follows a schema, beside asking in the prompt.
    pub(super) schema: SchemaForm,
    /// What it answers with.
    pub(super) answer: ResponseKind,
    /// White space before its completions.
    pub(super) lead: Lead,
    /// Where its replies count tokens.
    pub(super) counts: Counts,
    /// What its calls are billed by.
    pub(super) billed: Billed,
    /// Where a body says the seed of its sampling, as the keys on the way there; empty where it cannot.
    pub(super) seed: &'static [&'static str],
    /// Builds the body. The last argument is the model's base id, where it is known.
    pub(super) body: fn(&Prompt, &Parameters, Option<&str>) -> Value,
    /// What the service is known to reject in a body whose layout is right, and what to change.
    pub(super) rejects: Option<fn(&Value) -> Option<String>>,
    /// Reads a reply's body.
    pub(super) read: fn(&Value) -> Result<ParsedReply, Misread>,
    /// How a streamed answer is put together.
    pub(super) stream: Stream,
    /// Whether several completions of one prompt may be streamed.
    pub(super) several: Several,
    /// What to do with chunks of an unknown kind.
    pub(super) unknown_events: UnknownEvents,
}

/// Several completions of one prompt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Several {
    /// Their chunks say which of them they belong to.
    Streamed,
    /// They come whole, if at all.
    WholeOnly,
}

/// Chunks of a kind that the family's documents do not name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum UnknownEvents {
    /// There are none: every chunk has the same shape.
    None,
    /// Chunks whose field for the kind names another are passed over.
    Named,
    /// Any chunk that holds an object is passed over, so other families' chunks are too.
    AnyObject,
}

impl Layout {
    /// A family of which nothing else is said: it serves no id by itself, takes no parameter and no
    /// prompt, and responds with a text, whole, that counts its tokens.
    pub(super) const fn new(
        name: &'static str,
        body: fn(&Prompt, &Parameters, Option<&str>) -> Value,
        read: fn(&Value) -> Result<ParsedReply, Misread>,
    ) -> Self {
        Self {
            name,
            serves: &[],
            takes: &[],
            form: Form::Body,
            api: None,
            images: Images::None,
            largest_image: None,
            marks_cache: false,
            thinking: Thinking::None,
            own_model: OwnModel::Unknown,
            lone_limit: None,
            schema: SchemaForm::None,
            answer: ResponseKind::Text,
            lead: Lead::Kept,
            counts: Counts::InBody,
            billed: Billed::Tokens,
            seed: &[],
            body,
            rejects: None,
            read,
            stream: Stream::None,
            several: Several::WholeOnly,
            unknown_events: UnknownEvents::None,
        }
    }
}

/// How bodies ask for a response that follows a schema.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum SchemaForm {
    /// `output_config.format`, or a tool.
    Claude,
    /// A tool in `toolConfig`.
    Nova,
    /// `response_format`, or a tool.
    OpenAi,
    /// A tool, which cannot be named where it is forced.
    Mistral,
    /// In the prompt only.
    None,
}

/// How a streamed answer is put together.
#[derive(Clone, Copy)]
pub(super) enum Stream {
    /// The family does not stream.
    None,
    /// Chunk by chunk into the body that came so far.
    Joined(Join),
    /// As the family does whose chunks look like the first.
    ByShape,
}

/// The prompts a family has a form for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    /// A conversation.
    Turns(Turns),
    /// One text, which a system prompt may go before.
    Text(System),
    /// Texts that belong together: at least and at most so many.
    Texts(usize, usize),
    /// Texts, each answered for itself.
    EachText(Lists),
    /// None: the row brings the body.
    Body,
}

/// Where a body and its answer list what each text is answered with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Lists {
    /// The most texts that a body takes.
    pub(super) most: usize,
    /// The field of the body, and of answers that repeat it, that lists the texts.
    pub(super) texts: &'static str,
    /// Other fields of the body that are answered in the same list.
    pub(super) beside: &'static [&'static str],
    /// The field of the answer that has an entry for each text: a list, or lists by their kind.
    pub(super) answers: &'static str,
}

/// What a family wants of a conversation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Turns {
    /// Who may speak when.
    pub(super) order: TurnOrder,
    /// Whether system messages may come after the first turn.
    pub(super) later_systems: LaterSystems,
    /// Whether an assistant prefill is supported, and how.
    pub(super) begun: Prefill,
}

/// System messages after the first turn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum LaterSystems {
    /// They are taken.
    Taken,
    /// Some models take them: see the catalog.
    ByModel,
    /// There is no form for them.
    Rejected,
}

/// Who may speak when.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum TurnOrder {
    /// Anybody at any time.
    Free,
    /// The user first, then anybody.
    UserFirst,
    /// The user first, then in turn.
    InTurn,
}

/// What to do with a conversation that ends with an assistant prefill.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Prefill {
    /// The model goes on from them.
    GoesOn,
    /// There is no form for it.
    Refused,
}

/// Where a system prompt goes in a layout with a single text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum System {
    /// It goes before the text.
    Before,
    /// There is no place for it.
    Refused,
}

/// How models are shown images.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Images {
    /// In conversations.
    InMessages,
    /// By whole bodies, or `extra`.
    InBody,
    /// Not at all.
    None,
}

/// How a job asks for thinking, through `extra`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Thinking {
    /// There is nothing to say about it here.
    None,
    /// `thinking`, with a budget of tokens that are a part of the response.
    Budget,
    /// `reasoningConfig`, with an effort that may leave the length to the model.
    Effort,
}

/// What a body says of the model that is called, in `model`, and of how it is answered, in `stream`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum OwnModel {
    /// The service has both in the address and rejects them in the body.
    Rejected,
    /// The model is taken if it is the one in the address.
    Same,
    /// Nothing is known to be rejected.
    Unknown,
}

/// What a family answers with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ResponseKind {
    /// Text.
    Text,
    /// Something else: vectors, ranks.
    Output,
    /// Images.
    Images,
}

/// What white space at the beginning of a completion is, where the body was built here. With a
/// body of the row's own it is always a part of the completion: the row may have asked for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Lead {
    /// A part of the completion.
    Kept,
    /// The gap after the end of the template, such as the line break after `Bot:`.
    Trimmed,
    /// What it is for the family whose responses look like the one that came.
    ByShape,
}

/// Where a whole reply counts its tokens; a stream counts them in its last chunks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Counts {
    /// In its body.
    InBody,
    /// Only in its headers.
    InHeaders,
    /// Not at all.
    Nowhere,
}

/// What a family's calls are billed by.
#[derive(Clone, Copy)]
pub(super) enum Billed {
    /// Tokens.
    Tokens,
    /// What the request says, which may be images or searches; `None` where it asks for something
    /// whose price nobody knows, such as seconds of video.
    ByRequest(fn(&Value) -> Option<Bill>),
}

/// A conversation in any order, which the model goes on from.
pub(super) const FREE: Form = Form::Turns(Turns {
    order: TurnOrder::Free,
    later_systems: LaterSystems::Rejected,
    begun: Prefill::GoesOn,
});

/// A conversation that the user begins and the model goes on from.
pub(super) const USER_FIRST: Form = Form::Turns(Turns {
    order: TurnOrder::UserFirst,
    later_systems: LaterSystems::Rejected,
    begun: Prefill::GoesOn,
});

/// A conversation in turns, the user's first, which the model goes on from.
pub(super) const IN_TURN: Form = Form::Turns(Turns {
    order: TurnOrder::InTurn,
    later_systems: LaterSystems::Rejected,
    begun: Prefill::GoesOn,
});
