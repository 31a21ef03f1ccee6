//! Validates request bodies: at most one kind per step; body files are read here, once.

use std::collections::BTreeMap;
use std::ops::Range;

use toml::Spanned;

use super::{ValidationResult, Validator};
use crate::body::{Body, FileBytes, FormPart, JsonTemplate, Multipart};
use crate::raw::RawStep;
use crate::scenario::Method;

impl Validator<'_> {
    pub(super) fn validate_body(&self, raw: &RawStep, method: Method) -> ValidationResult<Body> {
        let given = [
            raw.form.is_some(),
            raw.json.is_some(),
            raw.body.is_some(),
            raw.body_file.is_some(),
            raw.multipart.is_some(),
        ];
        let given = given.into_iter().filter(|given| *given).count();
        if given > 1 {
            return Err(self.error_at(
                &raw.path.span(),
                "step.form",
                "a step can have only one of form, json, body, body_file and multipart",
            ));
        }
        if given == 1 && method.is_safe() {
            let problem = format!("{} cannot have a body", method.name());
            let mut diagnostic = self.error_at(&raw.path.span(), "step.method", problem);
            diagnostic.suggestion = Some("POST".into());
            return Err(diagnostic);
        }
        if let Some(form) = &raw.form {
            let fields =
                form.iter().map(|(name, value)| Ok((name.clone(), self.parse_template(value, "step.form")?)));
            return Ok(Body::Form(fields.collect::<ValidationResult<_>>()?));
        }
        if let Some(json) = &raw.json {
            return Ok(Body::Json(self.parse_json(json.get_ref(), &json.span())?));
        }
        if let Some(file) = &raw.body_file {
            return Ok(Body::File(self.read_file(file.get_ref(), &file.span(), "step.body_file")?));
        }
        if let Some(parts) = &raw.multipart {
            return self.validate_multipart(parts);
        }
        match &raw.body {
            Some(body) => Ok(Body::Plain(self.parse_template(body, "step.body")?)),
            None => Ok(Body::None),
        }
    }

    fn read_file(&self, name: &str, span: &Range<usize>, key: &str) -> ValidationResult<FileBytes> {
        let read = self.env.read_file(&self.resolve_path(name));
        read.map(FileBytes).map_err(|problem| self.error_at(span, key, problem))
    }

    fn validate_multipart(&self, raw: &BTreeMap<String, Spanned<toml::Value>>) -> ValidationResult<Body> {
        let parts = raw.iter().map(|(name, value)| self.validate_part(name, value));
        Ok(Body::Multipart(Multipart::new(parts.collect::<ValidationResult<_>>()?)))
    }

    fn validate_part(&self, name: &str, raw: &Spanned<toml::Value>) -> ValidationResult<FormPart> {
        const KEYS: [&str; 3] = ["file", "content_type", "filename"];
        let (key, span) = (format!("multipart.{name}"), raw.span());
        let table = match raw.get_ref() {
            toml::Value::String(text) => {
                return Ok(FormPart::from_text(name, self.parse_template_text(text, &span, &key)?));
            }
            toml::Value::Table(table) => table,
            _ => {
                let problem = "must be a text, or { file = \"…\", content_type = \"…\" }";
                return Err(self.error_at(&span, &key, problem));
            }
        };
        if let Some(unknown) = table.keys().find(|key| !KEYS.contains(&key.as_str())) {
            let mut diagnostic = self.error_at(
                &span,
                &key,
                format!("unknown key `{unknown}` in a part; known are file, content_type and filename"),
            );
            diagnostic.suggestion = crate::error::suggest_nearest(unknown, KEYS);
            return Err(diagnostic);
        }
        let one_line = |name: &str| match table.get(name) {
            None => Ok(None),
            Some(toml::Value::String(text)) if !text.is_empty() && !text.chars().any(char::is_control) => {
                Ok(Some(text.as_str()))
            }
            Some(_) => Err(self.error_at(&span, &key, format!("`{name}` must be a text of one line"))),
        };
        let Some(path) = one_line("file")? else {
            return Err(self.error_at(&span, &key, "a part that is not a text needs `file`"));
        };
        let base_name = || path.rsplit('/').next().unwrap_or(path);
        let file_name = one_line("filename")?.unwrap_or_else(base_name);
        let content_type = one_line("content_type")?.unwrap_or("application/octet-stream");
        Ok(FormPart::from_file(name, file_name, content_type, self.read_file(path, &span, &key)?))
    }

    pub(super) fn parse_json(
        &self,
        raw: &toml::Value,
        span: &Range<usize>,
    ) -> ValidationResult<JsonTemplate> {
        Ok(match raw {
            toml::Value::String(text) => {
                JsonTemplate::Text(self.parse_template_text(text, span, "step.json")?)
            }
            toml::Value::Integer(number) => JsonTemplate::Fixed((*number).into()),
            toml::Value::Float(number) => JsonTemplate::Fixed((*number).into()),
            toml::Value::Boolean(truth) => JsonTemplate::Fixed((*truth).into()),
            toml::Value::Datetime(when) => JsonTemplate::Fixed(when.to_string().into()),
            toml::Value::Array(list) => JsonTemplate::List(
                list.iter().map(|item| self.parse_json(item, span)).collect::<ValidationResult<_>>()?,
            ),
            toml::Value::Table(table) => {
                let fields = table.iter().map(|(key, item)| Ok((key.clone(), self.parse_json(item, span)?)));
                JsonTemplate::Object(fields.collect::<ValidationResult<_>>()?)
            }
        })
    }
}
