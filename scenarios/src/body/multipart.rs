//! Bodies of type `multipart/form-data` (RFC 7578).

use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::sync::Arc;

use memchr::memmem;
use rand::{RngExt as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;

use super::{BodyError, FileBytes, render_text};
use crate::template::Template;
use crate::user_context::UserContext;

/// A form with fields and files.
#[derive(Debug, Clone)]
pub struct Multipart {
    boundary: Arc<str>,
    content_type: Arc<str>,
    parts: Vec<FormPart>,
}

/// One field or file of the form.
#[derive(Debug, Clone)]
pub(crate) struct FormPart {
    /// Header lines of the part and the empty line after them.
    head: String,
    content: Content,
}

/// The content of a part.
#[derive(Debug, Clone)]
enum Content {
    Text(Template),
    File(FileBytes),
}

impl FormPart {
    /// A field with a text value.
    pub(crate) fn from_text(name: &str, template: Template) -> Self {
        let head = format!("content-disposition: form-data; name=\"{}\"\r\n\r\n", escape_name(name));
        Self { head, content: Content::Text(template) }
    }

    /// A file. `content_type` must not contain control characters.
    pub(crate) fn from_file(name: &str, file_name: &str, content_type: &str, bytes: FileBytes) -> Self {
        let head = format!(
            "content-disposition: form-data; name=\"{}\"; filename=\"{}\"\r\ncontent-type: {content_type}\r\n\r\n",
            escape_name(name),
            escape_name(file_name)
        );
        Self { head, content: Content::File(bytes) }
    }

    fn contains(&self, boundary: &[u8]) -> bool {
        let in_content = match &self.content {
            Content::File(FileBytes(bytes)) => memmem::find(bytes, boundary).is_some(),
            Content::Text(template) => {
                template.literals().any(|text| memmem::find(text.as_bytes(), boundary).is_some())
            }
        };
        in_content || memmem::find(self.head.as_bytes(), boundary).is_some()
    }
}

/// Escapes a name as browsers do (HTML, multipart form data): quotation marks and line ends are percent-encoded.
fn escape_name(name: &str) -> String {
    name.replace('"', "%22").replace('\r', "%0D").replace('\n', "%0A")
}

impl Multipart {
    /// A form of these parts, with a boundary that none of them contains. Equal parts get equal boundaries, so that equal seeds
    /// send equal bytes.
    pub(crate) fn new(parts: Vec<FormPart>) -> Self {
        let boundary = choose_boundary(&parts, hash_parts(&parts));
        Self {
            content_type: format!("multipart/form-data; boundary={boundary}").into(),
            boundary: boundary.into(),
            parts,
        }
    }

    pub(super) fn content_type(&self) -> &str {
        &self.content_type
    }

    pub(super) fn render(&self, context: &mut UserContext) -> Result<Vec<u8>, BodyError> {
        let boundary = self.boundary.as_bytes();
        let (mut out, mut value) = (Vec::new(), String::new());
        for FormPart { head, content } in &self.parts {
            out.extend_from_slice(b"--");
            out.extend_from_slice(boundary);
            out.extend_from_slice(b"\r\n");
            out.extend_from_slice(head.as_bytes());
            match content {
                Content::File(FileBytes(bytes)) => out.extend_from_slice(bytes),
                Content::Text(template) => {
                    value.clear();
                    render_text(template, context, &mut value)?;
                    // The site sees the boundary, and may return it in an extracted value.
                    if memmem::find(value.as_bytes(), boundary).is_some() {
                        return Err(BodyError::Boundary);
                    }
                    out.extend_from_slice(value.as_bytes());
                }
            }
            out.extend_from_slice(b"\r\n");
        }
        out.extend_from_slice(b"--");
        out.extend_from_slice(boundary);
        out.extend_from_slice(b"--\r\n");
        Ok(out)
    }
}

fn hash_parts(parts: &[FormPart]) -> u64 {
    let mut hasher = DefaultHasher::new();
    for FormPart { head, content } in parts {
        head.hash(&mut hasher);
        match content {
            Content::Text(template) => template.source().hash(&mut hasher),
            Content::File(FileBytes(bytes)) => bytes.hash(&mut hasher),
        }
    }
    hasher.finish()
}

/// The first random boundary that no part contains.
fn choose_boundary(parts: &[FormPart], seed: u64) -> String {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let mut candidates = std::iter::repeat_with(|| format!("kneepoint-{:032x}", rng.random::<u128>()));
    let fits = |candidate: &String| !parts.iter().any(|part| part.contains(candidate.as_bytes()));
    candidates.find(fits).expect("candidates are endless, and the content is finite")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::template::NameLookup;
    use crate::value::Value;
    use crate::values::VarId;

    fn template(text: &str) -> Template {
        let lookup = |_: &str| NameLookup::Guaranteed(VarId(0), None);
        Template::parse(text, &lookup).expect("valid")
    }

    fn file(bytes: &[u8]) -> FormPart {
        FormPart::from_file("photo", "a \"b\"\n.png", "image/png", FileBytes(bytes.into()))
    }

    fn render(multipart: &Multipart, word: &str) -> Result<Vec<u8>, BodyError> {
        let mut context = UserContext::new(1, 1);
        context.values.set(VarId(0), Some(Value::Text(word.into())));
        multipart.render(&mut context)
    }

    #[test]
    fn a_form_with_a_file_is_encoded_as_in_browsers() {
        let form =
            Multipart::new(vec![FormPart::from_text("title", template("A {word}")), file(b"\x89PNG\r\n\0")]);
        let boundary = form.content_type().strip_prefix("multipart/form-data; boundary=").expect("boundary");
        let expected = [
            format!("--{boundary}\r\ncontent-disposition: form-data; name=\"title\"\r\n\r\nA book\r\n--{boundary}\r\n").into_bytes(),
            b"content-disposition: form-data; name=\"photo\"; filename=\"a %22b%22%0A.png\"\r\ncontent-type: image/png\r\n\r\n\x89PNG\r\n\0\r\n".to_vec(),
            format!("--{boundary}--\r\n").into_bytes(),
        ]
        .concat();
        assert_eq!(render(&form, "book"), Ok(expected));
        assert_eq!(render(&form, &format!("x{boundary}")), Err(BodyError::Boundary));
        assert_eq!(form.render(&mut UserContext::new(1, 1)), Err(BodyError::Missing));
    }

    #[test]
    fn a_boundary_that_the_content_contains_is_not_used() {
        let first = choose_boundary(&[file(b"x")], 7);
        // The same seed, with content that contains the first candidate.
        let parts = [file(format!("..{first}..").as_bytes())];
        let second = choose_boundary(&parts, 7);
        assert_ne!(first, second);
        assert_eq!(second, choose_boundary(&parts, 7));
    }

    proptest! {
        #[test]
        fn the_boundary_is_in_no_part(bytes in prop::collection::vec(any::<u8>(), 0..300), text in "[^{}]{0,40}") {
            let form = Multipart::new(vec![FormPart::from_text("a", template(&text)), file(&bytes)]);
            let body = render(&form, "").expect("fits");
            // One before each part, and one at the end.
            prop_assert_eq!(memmem::find_iter(&body, form.boundary.as_bytes()).count(), 3);
            prop_assert_eq!(body, render(&Multipart::new(form.parts.clone()), "").expect("fits"));
        }
    }
}
