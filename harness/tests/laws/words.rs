//! The naming law: words that no reader of a report, a help text or a public name should have to decode.
//!
//! [`BANNED`] is the only list. It is checked against public names, configuration keys, help texts, texts in string literals,
//! report templates and documents.

use std::collections::BTreeSet;
use std::path::Path;

use crate::literals::string_literals;
use crate::sources::{collect, packages, pattern, relative, root, without_tests_and_comments};

/// A word or phrase, and what to write instead. A word that ends with `*` stands for all words that begin with it.
const BANNED: [(&str, &str); 30] = [
    ("stranger*", "anonymous user, foreign CPU, or untrusted input"),
    ("visitor*", "user"),
    ("mend", "fix"),
    ("mends", "fix, fixes"),
    ("mended", "fixed"),
    ("mending", "fixing"),
    ("manoeuvre*", "rollout, rolling restart, or blue-green"),
    ("bent", "mutated"),
    ("promise*", "objective or SLO; met, violated"),
    ("climb*", "ladder run, run a rung"),
    ("wish*", "request, setting, cancellation"),
    ("asker*", "client"),
    ("crowd*", "users, or user schedule"),
    ("told of", "receives, is passed"),
    ("is told", "receives, is passed"),
    ("not told", "not reported"),
    ("not said", "not reported"),
    ("what came of", "result"),
    ("its like", "type, kind"),
    ("of their like", "type, kind"),
    ("so many", "the number itself, e.g. n or a limit"),
    ("looked at alone", "measured by itself, in isolation"),
    ("route alone", "a route in isolation, each route by itself"),
    ("dry feed*", "feed exhausted"),
    ("coded journey*", "custom journey"),
    ("journeys in rust", "custom journeys"),
    ("could not judge", "inconclusive"),
    ("not judged", "inconclusive, or not checked"),
    ("the sentence", "the pipeline"),
    ("can be had", "available"),
];

/// Where a banned word stays: file, word, reason.
const EXCEPTIONS: [(&str, &str, &str); 0] = [];

/// Words of a text or of a name: split at everything that is no letter, and within `CamelCase` and `snake_case`.
fn split_words(text: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut before = ' ';
    for c in text.chars() {
        if !c.is_alphabetic() || (c.is_uppercase() && before.is_lowercase()) {
            words.push(String::new());
        }
        if c.is_alphabetic() {
            words.last_mut().unwrap().extend(c.to_lowercase());
        }
        before = c;
    }
    words.retain(|word| !word.is_empty());
    words
}

/// The banned phrases in a text.
fn banned_in(text: &str) -> Vec<(&'static str, &'static str)> {
    let words = split_words(text);
    let is_same = |word: &String, wanted: &str| match wanted.strip_suffix('*') {
        Some(beginning) => word.starts_with(beginning),
        None => word == wanted,
    };
    let occurs = |phrase: &str| {
        let wanted: Vec<&str> = phrase.split(' ').collect();
        words
            .windows(wanted.len())
            .any(|part| part.iter().zip(&wanted).all(|(word, wanted)| is_same(word, wanted)))
    };
    BANNED.into_iter().filter(|(phrase, _)| occurs(phrase)).collect()
}

/// Collects faults of many texts, and fails with all of them.
#[derive(Default)]
struct Check {
    faults: BTreeSet<String>,
}

impl Check {
    fn text(&mut self, place: &str, line: usize, text: &str) {
        for (phrase, instead) in banned_in(text) {
            if !EXCEPTIONS.iter().any(|(file, word, _)| *file == place && *word == phrase) {
                let text: String = text.trim().chars().take(100).collect();
                self.faults.insert(format!("{place}:{line}: `{phrase}`: write {instead}\n    {text}"));
            }
        }
    }

    fn lines(&mut self, place: &str, text: &str) {
        for (at, line) in text.lines().enumerate() {
            self.text(place, at + 1, line);
        }
    }

    fn finish(self, what: &str) {
        let faults: Vec<String> = self.faults.into_iter().collect();
        assert!(
            faults.is_empty(),
            "{} {what} with words that BANNED (harness/tests/laws/words.rs) replaces:\n{}",
            faults.len(),
            faults.join("\n")
        );
    }
}

/// Source files that are compiled into the product, without tests and comments.
fn product_sources() -> Vec<(String, String)> {
    let is_test = |path: &Path| {
        let name = path.file_stem().unwrap().to_string_lossy();
        matches!(&*name, "tests" | "fixture" | "fixtures" | "fuzz" | "hand") || name.ends_with("_tests")
    };
    let files = packages().iter().flat_map(|package| package.rust_files(&["src"]));
    files
        .filter(|(path, _)| !is_test(path))
        .map(|(path, text)| (relative(&path), without_tests_and_comments(&text)))
        .collect()
}

#[test]
fn public_names_are_plain() {
    let item = pattern(
        r"^\s*pub (?:const |async |unsafe |static )*(?:fn|struct|enum|trait|type|mod|const|static)?\s*(\w+)",
    );
    let mut check = Check::default();
    for (place, text) in product_sources() {
        for (at, line) in text.lines().enumerate() {
            if let Some(found) = item.captures(line) {
                check.text(&place, at + 1, &found[1]);
            }
        }
    }
    check.finish("public names");
}

#[test]
fn texts_in_the_program_are_plain() {
    let attribute = pattern(r"^\s*#!?\[");
    let mut check = Check::default();
    for (place, text) in product_sources() {
        let lines: Vec<&str> = text.lines().collect();
        for (at, literal) in string_literals(&text) {
            // A literal without a space is a name in a file format, and an attribute is for programs.
            if literal.contains(' ') && !attribute.is_match(lines[at]) {
                check.text(&place, at + 1, &literal);
            }
        }
    }
    check.finish("texts");
}

#[test]
fn report_templates_are_plain() {
    let mut files = Vec::new();
    for package in packages() {
        collect(&package.folder.join("templates"), &["html", "md", "jinja", "j2", "svg"], &mut files);
        collect(&package.folder.join("src"), &["html", "md", "jinja", "j2"], &mut files);
    }
    assert!(!files.is_empty(), "the templates have moved");
    let mut check = Check::default();
    for (path, text) in &files {
        check.lines(&relative(path), text);
    }
    check.finish("lines of templates");
}

#[test]
fn configuration_files_are_plain() {
    let mut check = Check::default();
    // Scenarios, topologies and toggles too: reports and `--list` show their texts.
    let mut files = Vec::new();
    for package in packages() {
        collect(&package.folder, &["toml"], &mut files);
    }
    assert!(files.iter().any(|(path, _)| path.ends_with("harness/src/config/default.toml")));
    for (path, text) in &files {
        let place = relative(path);
        if !place.contains("/tests/") {
            check.lines(&place, text);
        }
    }
    check.finish("lines of configuration");
}

#[test]
fn help_texts_are_plain() {
    let help = |command: Option<&str>| {
        let mut program = assert_cmd::Command::cargo_bin("kneepoint").expect("the binary is built");
        let output = program.args(command).arg("--help").ok().expect("--help succeeds");
        String::from_utf8(output.stdout).expect("text")
    };
    let whole = help(None);
    let commands = whole.lines().skip_while(|line| *line != "Commands:").skip(1);
    let commands: Vec<&str> = commands
        .take_while(|line| !line.is_empty())
        .filter(|line| line.starts_with("  ") && !line.starts_with("   "))
        .filter_map(|line| line.split_whitespace().next())
        .filter(|command| *command != "help")
        .collect();
    assert!(commands.contains(&"run") && commands.contains(&"ladder"), "{commands:?}");
    let mut check = Check::default();
    check.lines("kneepoint --help", &whole);
    for command in commands {
        check.lines(&format!("kneepoint {command} --help"), &help(Some(command)));
    }
    check.finish("lines of help");
}

#[test]
fn documents_are_plain() {
    let mut files = Vec::new();
    collect(root(), &["md"], &mut files);
    let mut check = Check::default();
    for (path, text) in files {
        let place = relative(&path);
        // Old changes and results of old runs keep their words; tests have stored reports of their own.
        let is_old = place == "CHANGELOG.md" || place.starts_with("benchmarks/") || place.contains("/tests/");
        if !is_old {
            check.lines(&place, &text);
        }
    }
    check.finish("lines of documents");
}

#[test]
fn phrases_are_found_in_texts_and_names() {
    let found = |text| banned_in(text).into_iter().map(|(phrase, _)| phrase).collect::<Vec<_>>();
    assert_eq!(found("The collector is told each second"), ["is told"]);
    assert_eq!(found("fn with_promised"), ["promise*"]);
    assert_eq!(found("ClimbReport"), ["climb*"]);
    assert_eq!(found("a user recommends a bento"), Vec::<&str>::new());
}
