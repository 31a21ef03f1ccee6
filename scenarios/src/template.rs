//! Texts with placeholders: parsed once, rendered for each request.
//!
//! `{name}`, `{name:04}`, `{user}`, `{journey}`, `{random:1..500}`, `{env:NAME}`, and `{{`, `}}` for the braces themselves.
//! `Debug` prints the text of the file, so that values from the environment do not appear.

use std::fmt::{self, Write as _};
use std::sync::Arc;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use rand::RngExt as _;

use crate::source::VarSource;
use crate::user_context::UserContext;
use crate::value::Value;
use crate::values::VarId;

/// How the value of a placeholder is encoded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Encoding {
    /// Verbatim, for headers and bodies.
    Raw,
    /// Percent-encoded as part of a path or query. A placeholder at the very beginning is a link and stays verbatim.
    Path,
}

/// A parsed text with placeholders.
#[derive(Clone)]
pub struct Template {
    source: Arc<str>,
    parts: Vec<TemplatePart>,
}

impl fmt::Debug for Template {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Template").field(&self.source).finish()
    }
}

#[derive(Clone)]
enum TemplatePart {
    Literal(String),
    Placeholder(Placeholder),
    /// User and password of basic authentication.
    Basic(Box<(Template, Template)>),
}

impl TemplatePart {
    fn literals(&self) -> Box<dyn Iterator<Item = &str> + '_> {
        match self {
            Self::Literal(text) => Box::new(std::iter::once(text.as_str())),
            Self::Placeholder(_) => Box::new(std::iter::empty()),
            Self::Basic(pair) => Box::new(pair.0.literals().chain(pair.1.literals())),
        }
    }
}

#[derive(Clone)]
struct Placeholder {
    kind: PlaceholderKind,
    width: usize,
}

#[derive(Clone)]
enum PlaceholderKind {
    Var { id: VarId, redraw_from: Option<Arc<VarSource>> },
    User,
    Journey,
    Random { first: i64, last: i64 },
}

/// Why a text is not a valid template.
#[derive(Debug)]
pub(crate) enum TemplateError {
    /// An opening or closing brace without its counterpart.
    UnmatchedBrace,
    /// The text after the colon is neither a width nor a range.
    InvalidFormat(String),
    /// The name is not defined.
    Unknown(String),
    /// The value of the name may be missing.
    MayBeMissing(String),
    /// The name is a list, not a single value.
    List(String),
    /// The environment variable cannot be used; holds the reason.
    Environment(String),
}

/// What a name in braces refers to; looked up in the scenario under validation.
pub(crate) enum NameLookup {
    /// A variable that always has a value here, and the source to redraw it from at each use.
    Guaranteed(VarId, Option<Arc<VarSource>>),
    /// A variable whose value may be missing here.
    MayBeMissing,
    /// A list instead of a single value.
    List,
    /// A constant text.
    Text(String),
    /// A name that must not be used here; holds the reason.
    Forbidden(String),
    /// A name that is not defined.
    Unknown,
}

impl Template {
    pub(crate) fn parse(source: &str, lookup: &dyn Fn(&str) -> NameLookup) -> Result<Self, TemplateError> {
        let (mut parts, mut literal) = (Vec::new(), String::new());
        let mut rest = source;
        while let Some(at) = rest.find(['{', '}']) {
            literal.push_str(&rest[..at]);
            let brace = &rest[at..=at];
            let after = &rest[at + 1..];
            if let Some(after) = after.strip_prefix(brace) {
                literal.push_str(brace);
                rest = after;
                continue;
            }
            let Some((inside, after)) = after.split_once('}').filter(|_| brace == "{") else {
                return Err(TemplateError::UnmatchedBrace);
            };
            rest = after;
            if inside.trim().starts_with(ENVIRONMENT_PREFIX) {
                literal.push_str(&resolve_environment(inside.trim(), lookup)?);
                continue;
            }
            if !literal.is_empty() {
                parts.push(TemplatePart::Literal(std::mem::take(&mut literal)));
            }
            parts.push(TemplatePart::Placeholder(parse_placeholder(inside.trim(), lookup)?));
        }
        literal.push_str(rest);
        if !literal.is_empty() {
            parts.push(TemplatePart::Literal(literal));
        }
        Ok(Self { source: source.into(), parts })
    }

    /// The value of an `Authorization: Basic` header (RFC 7617).
    pub(crate) fn from_basic_auth(user: Self, password: Self) -> Self {
        let part = match (user.constant(), password.constant()) {
            (Some(user), Some(password)) => TemplatePart::Literal(encode_basic_auth(user, password)),
            _ => TemplatePart::Basic(Box::new((user, password))),
        };
        Self { source: "basic authentication".into(), parts: vec![part] }
    }

    /// The constant texts between placeholders, including values from the environment.
    pub(crate) fn literals(&self) -> impl Iterator<Item = &str> {
        self.parts.iter().flat_map(TemplatePart::literals)
    }

    /// The text as written in the file.
    pub fn source(&self) -> &str {
        &self.source
    }

    /// The rendered text, when it has no placeholder.
    pub fn constant(&self) -> Option<&str> {
        match self.parts.as_slice() {
            [] => Some(""),
            [TemplatePart::Literal(text)] => Some(text),
            _ => None,
        }
    }

    /// True when it begins with a placeholder: in a path, its value is a link.
    pub fn starts_with_placeholder(&self) -> bool {
        matches!(self.parts.first(), Some(TemplatePart::Placeholder(_)))
    }

    /// Appends the rendered text to `out`; false when a value is missing.
    #[must_use]
    pub fn render(&self, context: &mut UserContext, encoding: Encoding, out: &mut String) -> bool {
        for (position, part) in self.parts.iter().enumerate() {
            match part {
                TemplatePart::Literal(text) => out.push_str(text),
                TemplatePart::Basic(pair) => {
                    let (mut user, mut password) = (String::new(), String::new());
                    if !pair.0.render(context, Encoding::Raw, &mut user)
                        || !pair.1.render(context, Encoding::Raw, &mut password)
                    {
                        return false;
                    }
                    out.push_str(&encode_basic_auth(&user, &password));
                }
                TemplatePart::Placeholder(placeholder) => {
                    let Some(value) = placeholder.value(context) else { return false };
                    let text = pad_with_zeros(&value, placeholder.width);
                    if encoding == Encoding::Path && position > 0 {
                        out.extend(url::form_urlencoded::byte_serialize(text.as_bytes()).map(|piece| {
                            // A plus means a space only in queries; %20 is valid everywhere.
                            if piece == "+" { "%20" } else { piece }
                        }));
                    } else {
                        out.push_str(&text);
                    }
                }
            }
        }
        true
    }

    /// The value with its type, when the whole template is one placeholder without padding.
    pub fn single_value(&self, context: &mut UserContext) -> Option<Value> {
        match self.parts.as_slice() {
            [TemplatePart::Placeholder(placeholder)] if placeholder.width == 0 => placeholder.value(context),
            _ => None,
        }
    }
}

fn encode_basic_auth(user: &str, password: &str) -> String {
    format!("Basic {}", BASE64_STANDARD.encode(format!("{user}:{password}")))
}

/// Prefix of the placeholders for environment variables.
const ENVIRONMENT_PREFIX: &str = "env:";

fn resolve_environment(inside: &str, lookup: &dyn Fn(&str) -> NameLookup) -> Result<String, TemplateError> {
    match lookup(inside) {
        NameLookup::Text(text) => Ok(text),
        NameLookup::Forbidden(why) => Err(TemplateError::Environment(why)),
        _ => Err(TemplateError::Unknown(inside.to_owned())),
    }
}

impl Placeholder {
    fn value(&self, context: &mut UserContext) -> Option<Value> {
        match &self.kind {
            PlaceholderKind::Var { id, redraw_from } => {
                context.resolve_value(*id, redraw_from.as_deref()).map(std::borrow::Cow::into_owned)
            }
            PlaceholderKind::User => Some(Value::Number(context.user as i64)),
            PlaceholderKind::Journey => Some(Value::Number(context.journey as i64)),
            PlaceholderKind::Random { first, last } => {
                Some(Value::Number(context.rng.random_range(*first..=*last)))
            }
        }
    }
}

fn pad_with_zeros(value: &Value, width: usize) -> String {
    let text = value.text().into_owned();
    if text.len() >= width {
        return text;
    }
    let mut wide = String::with_capacity(width);
    let _ = write!(wide, "{text:0>width$}");
    wide
}

fn parse_placeholder(
    inside: &str,
    lookup: &dyn Fn(&str) -> NameLookup,
) -> Result<Placeholder, TemplateError> {
    let (name, detail) = inside.split_once(':').unwrap_or((inside, ""));
    if name == "random" {
        let range = detail.split_once("..").and_then(|(a, b)| Some((a.parse().ok()?, b.parse().ok()?)));
        return match range {
            Some((first, last)) if first <= last => {
                Ok(Placeholder { kind: PlaceholderKind::Random { first, last }, width: 0 })
            }
            _ => Err(TemplateError::InvalidFormat(inside.to_owned())),
        };
    }
    let width = match detail {
        "" => 0,
        digits => digits
            .parse()
            .ok()
            .filter(|width| *width <= 20)
            .ok_or_else(|| TemplateError::InvalidFormat(inside.to_owned()))?,
    };
    let kind = match name {
        "user" => PlaceholderKind::User,
        "journey" => PlaceholderKind::Journey,
        _ => match lookup(name) {
            NameLookup::Guaranteed(id, redraw_from) => PlaceholderKind::Var { id, redraw_from },
            NameLookup::MayBeMissing => return Err(TemplateError::MayBeMissing(name.to_owned())),
            NameLookup::List => return Err(TemplateError::List(name.to_owned())),
            NameLookup::Text(_) | NameLookup::Forbidden(_) | NameLookup::Unknown => {
                return Err(TemplateError::Unknown(name.to_owned()));
            }
        },
    };
    Ok(Placeholder { kind, width })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn lookup(name: &str) -> NameLookup {
        match name {
            "word" => NameLookup::Guaranteed(VarId(0), None),
            "env:KEY" => NameLookup::Text("s3{cret}".into()),
            "maybe" => NameLookup::MayBeMissing,
            _ => NameLookup::Unknown,
        }
    }

    fn render(source: &str, encoding: Encoding) -> String {
        let mut context = UserContext::new(1, 7);
        context.values.set(VarId(0), Some(Value::Text("a b/ü".into())));
        let mut out = String::new();
        let template = Template::parse(source, &lookup).expect("valid");
        assert!(template.render(&mut context, encoding, &mut out));
        out
    }

    #[test]
    fn placeholders_are_encoded_in_paths_but_a_leading_link_is_not() {
        assert_eq!(render("/s/?q={word}&u={user:04}", Encoding::Path), "/s/?q=a%20b%2F%C3%BC&u=0007");
        assert_eq!(render("{word}", Encoding::Path), "a b/ü");
        assert_eq!(render("{{{word}}}", Encoding::Raw), "{a b/ü}");
    }

    #[test]
    fn environment_values_are_literal_and_debug_output_hides_them() {
        assert_eq!(render("a {env:KEY} b", Encoding::Raw), "a s3{cret} b");
        let template = Template::parse("a {env:KEY}", &lookup).expect("valid");
        assert_eq!(template.constant(), Some("a s3{cret}"));
        assert_eq!(format!("{template:?}"), "Template(\"a {env:KEY}\")");
        assert!(matches!(Template::parse("{env:NONE}", &lookup), Err(TemplateError::Unknown(_))));
    }

    #[test]
    fn basic_authentication_is_encoded_as_in_the_rfc() {
        // The example of RFC 7617 §2.
        let parse = |text: &str| Template::parse(text, &lookup).expect("valid");
        let fixed = Template::from_basic_auth(parse("Aladdin"), parse("open sesame"));
        assert_eq!(fixed.constant(), Some("Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ=="));
        let varying = Template::from_basic_auth(parse("reader{user:04}"), parse("{env:KEY}"));
        assert_eq!(varying.constant(), None);
        let (mut context, mut out) = (UserContext::new(1, 7), String::new());
        assert!(varying.render(&mut context, Encoding::Raw, &mut out));
        assert_eq!(out, encode_basic_auth("reader0007", "s3{cret}"));
        assert!(!format!("{varying:?}").contains("s3"));
    }

    #[test]
    fn invalid_templates_are_rejected() {
        for (source, expected) in [
            ("{", "UnmatchedBrace"),
            ("a}", "UnmatchedBrace"),
            ("{nobody}", "Unknown"),
            ("{maybe}", "MayBeMissing"),
            ("{random:5..1}", "InvalidFormat"),
            ("{word:x}", "InvalidFormat"),
        ] {
            let error = Template::parse(source, &lookup).expect_err(source);
            assert!(format!("{error:?}").starts_with(expected), "{source}: {error:?}");
        }
    }

    #[test]
    fn equal_seeds_draw_equal_numbers_within_bounds() {
        let draw = |seed| {
            let mut context = UserContext::new(seed, 3);
            let template = Template::parse("{random:1..500}", &lookup).expect("valid");
            (0..50)
                .map(|_| match template.single_value(&mut context) {
                    Some(Value::Number(n)) => n,
                    other => panic!("{other:?}"),
                })
                .collect::<Vec<_>>()
        };
        assert_eq!(draw(9), draw(9));
        assert_ne!(draw(9), draw(10));
        assert!(draw(9).iter().all(|n| (1..=500).contains(n)));
    }

    proptest! {
        #[test]
        fn parsing_never_panics_and_plain_text_is_kept(text in "\\PC{0,40}") {
            let parsed = Template::parse(&text, &lookup);
            if !text.contains(['{', '}']) {
                let parsed = parsed.expect("plain text");
                prop_assert_eq!(parsed.constant(), Some(text.as_str()));
            }
        }
    }
}
