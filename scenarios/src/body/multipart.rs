//! A form with files, as RFC 7578 writes it.

use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::sync::Arc;

use memchr::memmem;
use rand::{RngExt as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;

use super::{FileBytes, NoBody, text};
use crate::template::Template;
use crate::values::Visit;

/// A form with files.
#[derive(Debug, Clone)]
pub struct Multipart {
    boundary: Arc<str>,
    content_type: Arc<str>,
    parts: Vec<Part>,
}

/// One field.
#[derive(Debug, Clone)]
pub(crate) struct Part {
    /// Header lines with the empty line after them.
    head: String,
    content: Content,
}

/// What a field holds.
#[derive(Debug, Clone)]
enum Content {
    Text(Template),
    File(FileBytes),
}

impl Part {
    /// A text.
    pub(crate) fn text(name: &str, template: Template) -> Self {
        let head = format!("content-disposition: form-data; name=\"{}\"\r\n\r\n", quoted(name));
        Self { head, content: Content::Text(template) }
    }

    /// A file; the content type holds no control characters.
    pub(crate) fn file(name: &str, file_name: &str, content_type: &str, bytes: FileBytes) -> Self {
        let head = format!(
            "content-disposition: form-data; name=\"{}\"; filename=\"{}\"\r\ncontent-type: {content_type}\r\n\r\n",
            quoted(name),
            quoted(file_name)
        );
        Self { head, content: Content::File(bytes) }
    }

    fn holds(&self, boundary: &[u8]) -> bool {
        let in_content = match &self.content {
            Content::File(FileBytes(bytes)) => memmem::find(bytes, boundary).is_some(),
            Content::Text(template) => {
                template.literals().any(|text| memmem::find(text.as_bytes(), boundary).is_some())
            }
        };
        in_content || memmem::find(self.head.as_bytes(), boundary).is_some()
    }
}

/// As browsers write names (HTML, multipart form data): quotation marks and line ends are percent-encoded.
fn quoted(name: &str) -> String {
    name.replace('"', "%22").replace('\r', "%0D").replace('\n', "%0A")
}

impl Multipart {
    /// A form of these parts, with a boundary that is in none of them. Equal parts have equal boundaries, so that equal seeds
    /// send equal bytes.
    pub(crate) fn new(parts: Vec<Part>) -> Self {
        let boundary = boundary(&parts, seed_of(&parts));
        Self {
            content_type: format!("multipart/form-data; boundary={boundary}").into(),
            boundary: boundary.into(),
            parts,
        }
    }

    pub(super) fn content_type(&self) -> &str {
        &self.content_type
    }

    pub(super) fn render(&self, visit: &mut Visit) -> Result<Vec<u8>, NoBody> {
        let boundary = self.boundary.as_bytes();
        let (mut out, mut value) = (Vec::new(), String::new());
        for Part { head, content } in &self.parts {
            out.extend_from_slice(b"--");
            out.extend_from_slice(boundary);
            out.extend_from_slice(b"\r\n");
            out.extend_from_slice(head.as_bytes());
            match content {
                Content::File(FileBytes(bytes)) => out.extend_from_slice(bytes),
                Content::Text(template) => {
                    value.clear();
                    text(template, visit, &mut value)?;
                    // A site sees the boundary, and may send it back in a value.
                    if memmem::find(value.as_bytes(), boundary).is_some() {
                        return Err(NoBody::Boundary);
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

fn seed_of(parts: &[Part]) -> u64 {
    let mut seed = DefaultHasher::new();
    for Part { head, content } in parts {
        head.hash(&mut seed);
        match content {
            Content::Text(template) => template.source().hash(&mut seed),
            Content::File(FileBytes(bytes)) => bytes.hash(&mut seed),
        }
    }
    seed.finish()
}

/// The first random boundary that is in no part.
fn boundary(parts: &[Part], seed: u64) -> String {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let mut candidates = std::iter::repeat_with(|| format!("kneepoint-{:032x}", rng.random::<u128>()));
    let fits = |candidate: &String| !parts.iter().any(|part| part.holds(candidate.as_bytes()));
    candidates.find(fits).expect("endless candidates, and content that ends")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::template::Meaning;
    use crate::values::{Value, VarId};

    fn template(text: &str) -> Template {
        let meaning = |_: &str| Meaning::Sure(VarId(0), None);
        Template::parse(text, &meaning).expect("valid")
    }

    fn file(bytes: &[u8]) -> Part {
        Part::file("photo", "a \"b\"\n.png", "image/png", FileBytes(bytes.into()))
    }

    fn render(multipart: &Multipart, word: &str) -> Result<Vec<u8>, NoBody> {
        let mut visit = Visit::new(1, 1);
        visit.values.set(VarId(0), Some(Value::Text(word.into())));
        multipart.render(&mut visit)
    }

    #[test]
    fn a_form_with_a_file_is_written_as_browsers_do() {
        let form = Multipart::new(vec![Part::text("title", template("A {word}")), file(b"\x89PNG\r\n\0")]);
        let boundary = form.content_type().strip_prefix("multipart/form-data; boundary=").expect("boundary");
        let expected = [
            format!("--{boundary}\r\ncontent-disposition: form-data; name=\"title\"\r\n\r\nA book\r\n--{boundary}\r\n").into_bytes(),
            b"content-disposition: form-data; name=\"photo\"; filename=\"a %22b%22%0A.png\"\r\ncontent-type: image/png\r\n\r\n\x89PNG\r\n\0\r\n".to_vec(),
            format!("--{boundary}--\r\n").into_bytes(),
        ]
        .concat();
        assert_eq!(render(&form, "book"), Ok(expected));
        assert_eq!(render(&form, &format!("x{boundary}")), Err(NoBody::Boundary));
        assert_eq!(form.render(&mut Visit::new(1, 1)), Err(NoBody::Missing));
    }

    #[test]
    fn a_boundary_that_the_content_holds_is_not_used() {
        let first = boundary(&[file(b"x")], 7);
        // The same seed, for content that holds what would be chosen first.
        let holds = [file(format!("..{first}..").as_bytes())];
        let second = boundary(&holds, 7);
        assert_ne!(first, second);
        assert_eq!(second, boundary(&holds, 7));
    }

    proptest! {
        #[test]
        fn the_boundary_is_in_no_part(bytes in prop::collection::vec(any::<u8>(), 0..300), text in "[^{}]{0,40}") {
            let form = Multipart::new(vec![Part::text("a", template(&text)), file(&bytes)]);
            let body = render(&form, "").expect("fits");
            // One before each part, and one at the end.
            prop_assert_eq!(memmem::find_iter(&body, form.boundary.as_bytes()).count(), 3);
            prop_assert_eq!(body, render(&Multipart::new(form.parts.clone()), "").expect("fits"));
        }
    }
}
