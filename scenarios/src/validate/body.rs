//! The judgement of bodies: one of them at most, and files are read here, once.

use std::collections::BTreeMap;
use std::ops::Range;

use toml::Spanned;

use super::{Judge, Judged};
use crate::body::{Body, FileBytes, JsonTemplate, Multipart, Part};
use crate::raw::RawStep;
use crate::scenario::Method;

impl Judge<'_> {
    pub(super) fn body(&self, raw: &RawStep, method: Method) -> Judged<Body> {
        let given = [
            raw.form.is_some(),
            raw.json.is_some(),
            raw.body.is_some(),
            raw.body_file.is_some(),
            raw.multipart.is_some(),
        ];
        let given = given.into_iter().filter(|given| *given).count();
        if given > 1 {
            return Err(self.refuse(
                &raw.path.span(),
                "step.form",
                "a step has one of form, json, body, body_file and multipart, not several",
            ));
        }
        if given == 1 && method.is_safe() {
            let problem = format!("{} sends no body", method.name());
            let mut refusal = self.refuse(&raw.path.span(), "step.method", problem);
            refusal.suggestion = Some("POST".into());
            return Err(refusal);
        }
        if let Some(form) = &raw.form {
            let fields =
                form.iter().map(|(name, value)| Ok((name.clone(), self.template(value, "step.form")?)));
            return Ok(Body::Form(fields.collect::<Judged<_>>()?));
        }
        if let Some(json) = &raw.json {
            return Ok(Body::Json(self.json(json.get_ref(), &json.span())?));
        }
        if let Some(file) = &raw.body_file {
            return Ok(Body::File(self.file(file.get_ref(), &file.span(), "step.body_file")?));
        }
        if let Some(parts) = &raw.multipart {
            return self.multipart(parts);
        }
        match &raw.body {
            Some(body) => Ok(Body::Plain(self.template(body, "step.body")?)),
            None => Ok(Body::None),
        }
    }

    fn file(&self, name: &str, span: &Range<usize>, key: &str) -> Judged<FileBytes> {
        let read = self.surroundings.file(&self.near(name));
        read.map(FileBytes).map_err(|problem| self.refuse(span, key, problem))
    }

    fn multipart(&self, raw: &BTreeMap<String, Spanned<toml::Value>>) -> Judged<Body> {
        let parts = raw.iter().map(|(name, value)| self.part(name, value));
        Ok(Body::Multipart(Multipart::new(parts.collect::<Judged<_>>()?)))
    }

    fn part(&self, name: &str, raw: &Spanned<toml::Value>) -> Judged<Part> {
        const KEYS: [&str; 3] = ["file", "content_type", "filename"];
        let (key, span) = (format!("multipart.{name}"), raw.span());
        let table = match raw.get_ref() {
            toml::Value::String(text) => return Ok(Part::text(name, self.template_text(text, &span, &key)?)),
            toml::Value::Table(table) => table,
            _ => {
                let problem = "must be a text, or { file, content_type }";
                return Err(self.refuse(&span, &key, problem));
            }
        };
        if let Some(unknown) = table.keys().find(|own| !KEYS.contains(&own.as_str())) {
            let mut refusal = self.refuse(&span, &key, format!("no such key as `{unknown}` in a part"));
            refusal.suggestion = crate::refusal::nearest(unknown, KEYS);
            return Err(refusal);
        }
        let text = |own: &str| match table.get(own) {
            None => Ok(None),
            Some(toml::Value::String(text)) if !text.is_empty() && !text.chars().any(char::is_control) => {
                Ok(Some(text.as_str()))
            }
            Some(_) => Err(self.refuse(&span, &key, format!("`{own}` must be a text of one line"))),
        };
        let Some(path) = text("file")? else {
            return Err(self.refuse(&span, &key, "a part that is no text needs file"));
        };
        let own_name = || path.rsplit('/').next().unwrap_or(path);
        let file_name = text("filename")?.unwrap_or_else(own_name);
        let content_type = text("content_type")?.unwrap_or("application/octet-stream");
        Ok(Part::file(name, file_name, content_type, self.file(path, &span, &key)?))
    }

    pub(super) fn json(&self, raw: &toml::Value, span: &Range<usize>) -> Judged<JsonTemplate> {
        Ok(match raw {
            toml::Value::String(text) => JsonTemplate::Text(self.template_text(text, span, "step.json")?),
            toml::Value::Integer(number) => JsonTemplate::Fixed((*number).into()),
            toml::Value::Float(number) => JsonTemplate::Fixed((*number).into()),
            toml::Value::Boolean(truth) => JsonTemplate::Fixed((*truth).into()),
            toml::Value::Datetime(when) => JsonTemplate::Fixed(when.to_string().into()),
            toml::Value::Array(list) => {
                JsonTemplate::List(list.iter().map(|item| self.json(item, span)).collect::<Judged<_>>()?)
            }
            toml::Value::Table(table) => {
                let fields = table.iter().map(|(key, item)| Ok((key.clone(), self.json(item, span)?)));
                JsonTemplate::Object(fields.collect::<Judged<_>>()?)
            }
        })
    }
}
