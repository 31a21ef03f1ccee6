//! Request bodies: rendered for each request from templates, and from files that are read once.

mod multipart;

use std::borrow::Cow;
use std::sync::Arc;

use thiserror::Error;

pub(crate) use multipart::FormPart;
pub use multipart::Multipart;

use crate::template::{Encoding, Template};
use crate::user_context::UserContext;
use crate::value::Value;

/// The body of a step's request.
#[derive(Debug, Clone)]
pub enum Body {
    /// No body and no content type.
    None,
    /// Fields of an `application/x-www-form-urlencoded` body.
    Form(Vec<(String, Template)>),
    /// A document of type `application/json`.
    Json(JsonTemplate),
    /// A text; the step sets the content type in its headers.
    Plain(Template),
    /// The bytes of a file; the step sets the content type in its headers.
    File(FileBytes),
    /// Fields and files of a `multipart/form-data` body.
    Multipart(Multipart),
}

/// The content of a file, shared by all steps that send it.
#[derive(Clone, PartialEq, Eq)]
pub struct FileBytes(pub(crate) Arc<[u8]>);

impl std::fmt::Debug for FileBytes {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} bytes", self.0.len())
    }
}

/// Why a body cannot be rendered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum BodyError {
    /// A placeholder has no value.
    #[error("a value for a placeholder is missing")]
    Missing,
    /// A value contains the multipart boundary, which the server would take for the end of a part.
    #[error("a value contains the boundary between the parts of the body")]
    Boundary,
}

impl Body {
    /// The content type that the body implies; `None` when the step must set one itself.
    pub fn content_type(&self) -> Option<&str> {
        match self {
            Self::Form(_) => Some("application/x-www-form-urlencoded"),
            Self::Json(_) => Some("application/json"),
            Self::Multipart(multipart) => Some(multipart.content_type()),
            Self::None | Self::Plain(_) | Self::File(_) => None,
        }
    }

    /// Renders the bytes for one request.
    ///
    /// # Errors
    /// A value is missing, or contains the multipart boundary.
    pub fn render(&self, context: &mut UserContext) -> Result<Cow<'_, [u8]>, BodyError> {
        let mut out = String::new();
        match self {
            Self::None => return Ok(Cow::Borrowed(&[])),
            Self::File(FileBytes(bytes)) => return Ok(Cow::Borrowed(bytes)),
            Self::Multipart(multipart) => return multipart.render(context).map(Cow::Owned),
            Self::Plain(template) => render_text(template, context, &mut out)?,
            Self::Json(json) => out = json.render(context).ok_or(BodyError::Missing)?.to_string(),
            Self::Form(fields) => {
                let mut form = url::form_urlencoded::Serializer::new(String::new());
                for (name, template) in fields {
                    out.clear();
                    render_text(template, context, &mut out)?;
                    form.append_pair(name, &out);
                }
                out = form.finish();
            }
        }
        Ok(Cow::Owned(out.into_bytes()))
    }
}

fn render_text(template: &Template, context: &mut UserContext, out: &mut String) -> Result<(), BodyError> {
    if template.render(context, Encoding::Raw, out) { Ok(()) } else { Err(BodyError::Missing) }
}

/// A JSON document with placeholders in its strings.
#[derive(Debug, Clone)]
pub enum JsonTemplate {
    /// A value without placeholders.
    Fixed(serde_json::Value),
    /// A string; rendered as a number when it is a single placeholder with a numeric value.
    Text(Template),
    /// An array of templates.
    List(Vec<Self>),
    /// Keys, which have no placeholders, with their templates.
    Object(Vec<(String, Self)>),
}

impl JsonTemplate {
    fn render(&self, context: &mut UserContext) -> Option<serde_json::Value> {
        Some(match self {
            Self::Fixed(json) => json.clone(),
            Self::Text(template) => match template.single_value(context) {
                Some(Value::Number(number)) => number.into(),
                Some(Value::Text(text)) => text.into(),
                None => {
                    let mut out = String::new();
                    template.render(context, Encoding::Raw, &mut out).then_some(())?;
                    out.into()
                }
            },
            Self::List(list) => {
                list.iter().map(|item| item.render(context)).collect::<Option<Vec<_>>>()?.into()
            }
            Self::Object(fields) => {
                let rendered = fields.iter().map(|(key, item)| Some((key.clone(), item.render(context)?)));
                serde_json::Value::Object(rendered.collect::<Option<_>>()?)
            }
        })
    }
}
