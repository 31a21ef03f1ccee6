//! What a request carries: rendered for each request, with files that were read once.

mod multipart;

use std::borrow::Cow;
use std::sync::Arc;

use thiserror::Error;

pub use multipart::Multipart;
pub(crate) use multipart::Part;

use crate::template::{Encoding, Template};
use crate::values::{Value, Visit};

/// What is sent.
#[derive(Debug, Clone)]
pub enum Body {
    /// Nothing.
    None,
    /// `application/x-www-form-urlencoded`.
    Form(Vec<(String, Template)>),
    /// `application/json`.
    Json(JsonTemplate),
    /// As it is; the content type is among the headers.
    Plain(Template),
    /// The bytes of a file; the content type is among the headers.
    File(FileBytes),
    /// `multipart/form-data`.
    Multipart(Multipart),
}

/// The content of a file, shared by all who send it.
#[derive(Clone, PartialEq, Eq)]
pub struct FileBytes(pub(crate) Arc<[u8]>);

impl std::fmt::Debug for FileBytes {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} bytes", self.0.len())
    }
}

/// Why there is no body.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum NoBody {
    /// A placeholder has no value.
    #[error("a value for a placeholder is missing")]
    Missing,
    /// A value holds what separates the parts; sent, it would be taken for a part's end.
    #[error("a value holds the boundary between the parts of the body")]
    Boundary,
}

impl Body {
    /// Content type that goes with it.
    pub fn content_type(&self) -> Option<&str> {
        match self {
            Self::Form(_) => Some("application/x-www-form-urlencoded"),
            Self::Json(_) => Some("application/json"),
            Self::Multipart(multipart) => Some(multipart.content_type()),
            Self::None | Self::Plain(_) | Self::File(_) => None,
        }
    }

    /// The bytes.
    ///
    /// # Errors
    /// A value is missing, or cannot be sent in this body.
    pub fn render(&self, visit: &mut Visit) -> Result<Cow<'_, [u8]>, NoBody> {
        let mut out = String::new();
        match self {
            Self::None => return Ok(Cow::Borrowed(&[])),
            Self::File(FileBytes(bytes)) => return Ok(Cow::Borrowed(bytes)),
            Self::Multipart(multipart) => return multipart.render(visit).map(Cow::Owned),
            Self::Plain(template) => text(template, visit, &mut out)?,
            Self::Json(json) => out = json.render(visit).ok_or(NoBody::Missing)?.to_string(),
            Self::Form(fields) => {
                let mut form = url::form_urlencoded::Serializer::new(String::new());
                for (name, template) in fields {
                    out.clear();
                    text(template, visit, &mut out)?;
                    form.append_pair(name, &out);
                }
                out = form.finish();
            }
        }
        Ok(Cow::Owned(out.into_bytes()))
    }
}

fn text(template: &Template, visit: &mut Visit, out: &mut String) -> Result<(), NoBody> {
    if template.render(visit, Encoding::Raw, out) { Ok(()) } else { Err(NoBody::Missing) }
}

/// A JSON document with placeholders in its texts.
#[derive(Debug, Clone)]
pub enum JsonTemplate {
    /// Nothing to fill in.
    Fixed(serde_json::Value),
    /// A text; when it is one placeholder whose value is a number, a number.
    Text(Template),
    /// A list.
    List(Vec<Self>),
    /// An object.
    Object(Vec<(String, Self)>),
}

impl JsonTemplate {
    fn render(&self, visit: &mut Visit) -> Option<serde_json::Value> {
        Some(match self {
            Self::Fixed(json) => json.clone(),
            Self::Text(template) => match template.single(visit) {
                Some(Value::Number(number)) => number.into(),
                Some(Value::Text(text)) => text.into(),
                None => {
                    let mut out = String::new();
                    template.render(visit, Encoding::Raw, &mut out).then_some(())?;
                    out.into()
                }
            },
            Self::List(list) => {
                list.iter().map(|item| item.render(visit)).collect::<Option<Vec<_>>>()?.into()
            }
            Self::Object(fields) => {
                let rendered = fields.iter().map(|(key, item)| Some((key.clone(), item.render(visit)?)));
                serde_json::Value::Object(rendered.collect::<Option<_>>()?)
            }
        })
    }
}
