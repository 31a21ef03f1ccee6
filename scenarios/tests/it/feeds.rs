//! Feeds: how journeys get rows of a file, and which files are rejected, with file and line.

use std::fs;
use std::path::PathBuf;

use kneepoint_scenarios::{Encoding, FeedExhausted, Scenario, UserContext, resolve};

const PEOPLE: &str = "username,password\nann,a1\nbob,b2\ncat,c3\n";

/// A temporary folder with a scenario and its data files.
struct ScenarioFolder(tempfile::TempDir);

impl ScenarioFolder {
    fn new(files: &[(&str, &str)]) -> Self {
        let folder = Self(tempfile::tempdir().expect("temporary folder"));
        for (name, text) in files {
            fs::write(folder.path(name), text).expect("write");
        }
        folder
    }
    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }
    fn load(&self) -> Scenario {
        Scenario::load(&self.path("shop.toml")).unwrap_or_else(|e| panic!("{e}"))
    }
    fn error_text(&self) -> String {
        Scenario::load(&self.path("shop.toml")).expect_err("must be rejected").to_string()
    }
}

fn shop(file: &str, more: &str, placeholder: &str) -> String {
    format!(
        "name = \"shop\"\n[feeds.account]\nfile = \"{file}\"\n{more}\n[[step]]\npath = \"/{placeholder}\"\n"
    )
}

fn rendered_paths(scenario: &Scenario, seed: u64, journeys: u64) -> Vec<String> {
    let mut context = UserContext::new(seed, 1);
    (1..=journeys)
        .map(|journey| {
            scenario.begin_journey(&mut context, journey, journey).expect("a row");
            let mut path = String::new();
            assert!(scenario.steps()[0].path().render(&mut context, Encoding::Path, &mut path));
            path
        })
        .collect()
}

#[test]
fn the_values_of_a_journey_come_from_one_row() {
    for (file, text) in [
        ("people.csv", PEOPLE),
        (
            "people.json",
            r#"[{"username":"ann","password":"a1"},{"username":"bob","password":"b2"},{"username":"cat","password":"c3"}]"#,
        ),
        (
            "people.jsonl",
            "{\"username\":\"ann\",\"password\":\"a1\"}\n{\"password\":\"b2\",\"username\":\"bob\"}\n{\"username\":\"cat\",\"password\":\"c3\"}\n",
        ),
    ] {
        let text_of =
            |pick: &str| shop(file, &format!("pick = \"{pick}\""), "{account.username}/{account.password}");
        let folder = ScenarioFolder::new(&[(file, text), ("shop.toml", &text_of("in-turn"))]);
        assert_eq!(
            rendered_paths(&folder.load(), 1, 4),
            ["/ann/a1", "/bob/b2", "/cat/c3", "/ann/a1"],
            "{file}"
        );
        fs::write(folder.path("shop.toml"), text_of("random")).expect("write");
        let (one, same, other) = (
            rendered_paths(&folder.load(), 5, 50),
            rendered_paths(&folder.load(), 5, 50),
            rendered_paths(&folder.load(), 6, 50),
        );
        assert_eq!(one, same, "equal seeds make equal journeys");
        assert_ne!(one, other);
    }
}

#[test]
fn unique_rows_are_given_once_among_all_scenarios_of_a_run() {
    let text = shop("people.csv", "pick = \"unique\"", "{account.username}");
    let other = text.replace("\"shop\"", "\"other\"");
    let folder = ScenarioFolder::new(&[("people.csv", PEOPLE), ("shop.toml", &text), ("other.toml", &other)]);
    let mix = resolve([("shop.toml", 1), ("other.toml", 1)], folder.0.path()).expect("both");
    let mut context = UserContext::new(1, 1);
    let mut begin = |at: usize| mix[at].0.begin_journey(&mut context, 1, 1).map(|_| ());
    assert_eq!([begin(0), begin(1), begin(0)], [Ok(()), Ok(()), Ok(())]);
    assert_eq!((begin(1), begin(0)), (Err(FeedExhausted { feed: 0 }), Err(FeedExhausted { feed: 0 })));
    assert_eq!(mix[0].0.feeds().collect::<Vec<_>>(), [("account", 3)]);
}

#[test]
fn an_unusable_feed_is_rejected_with_file_and_line() {
    let cases = [
        ("gone.csv", "", "", "{account.username}", "cannot read"),
        ("people.txt", PEOPLE, "", "{account.username}", "must end in .csv, .json"),
        ("people.csv", "", "", "{account.username}", "people.csv is empty"),
        ("people.csv", "username\n", "", "{account.username}", "people.csv has no rows"),
        ("people.csv", "username,b\n1,2\n3\n", "", "{account.username}", "people.csv, line 3: has 1 values"),
        ("people.csv", "a,a\n1,2\n", "", "{account.a}", "people.csv, line 1: has the column `a` twice"),
        (
            "people.json",
            "[\n{\"username\":{\"first\":\"ann\"}}]",
            "",
            "{account.username}",
            "people.json, line 2: invalid type: map",
        ),
        ("people.csv", PEOPLE, "pick = \"inturn\"", "{account.username}", "did you mean `in-turn`?"),
        (
            "people.csv",
            PEOPLE,
            "pick = \"every-time\"",
            "{account.username}",
            "must be one of random, in-turn, per-user, unique",
        ),
        ("people.csv", PEOPLE, "", "{account.usernme}", "did you mean `account.username`?"),
        ("people.csv", PEOPLE, "", "{account}", "its columns are password, username"),
        ("people.csv", PEOPLE, "sheet = 1", "{account.username}", "unknown key"),
    ];
    for (file, text, more, placeholder, expected) in cases {
        let folder = ScenarioFolder::new(&[("shop.toml", &shop(file, more, placeholder))]);
        if file != "gone.csv" {
            fs::write(folder.path(file), text).expect("write");
        }
        let message = folder.error_text();
        assert!(message.contains(expected), "{expected} is not in: {message}");
        assert!(message.contains("shop.toml:") && message.contains("valid: "), "{message}");
    }
    let folder = ScenarioFolder::new(&[("shop.toml", &shop("people.csv", "", ""))]);
    fs::write(folder.path("people.csv"), b"username\n\xff\n").expect("write");
    assert!(folder.error_text().contains("people.csv, line 2: is not UTF-8"), "{}", folder.error_text());
    fs::remove_file(folder.path("people.csv")).expect("there");
    fs::create_dir(folder.path("people.csv")).expect("folder");
    assert!(folder.error_text().contains("is not a regular file"), "{}", folder.error_text());
}
