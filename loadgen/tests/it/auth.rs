//! Authentication, and that values of the environment are stored nowhere.

use kneepoint_model::run::names;

use crate::{TestRun, closed, open, plan, scenario, servers};

#[test]
fn users_authenticate_in_both_ways() {
    // The example of RFC 7617 §2.
    let base = servers::guarded("Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==", "/in".into());
    let basic = scenario(
        "name = \"a\"\nauth = { basic = { user = \"Aladdin\", password = \"open {word}\" } }\n[vars.word]\nlist = [\"sesame\"]\n[[step]]\npath = \"/door\"\n[[step]]\npath = \"/out\"\nauth = { bearer = \"{word}\" }\nexpect = { status = [401] }\n",
    );
    let phase = TestRun::new().run(&plan(open(30.0), &base, vec![(basic, 1)]));
    assert!(phase.requests > 50 && phase.errors == 0, "{:#?}", phase.exemplars);
    let base = servers::guarded("Bearer t0k", "/in".into());
    let bearer = scenario("name = \"b\"\nauth = { bearer = \"t0k\" }\n[[step]]\npath = \"/door\"\n");
    let phase = TestRun::new().run(&plan(closed(2), &base, vec![(bearer, 1)]));
    assert!(phase.requests > 50 && phase.errors == 0, "{:#?}", phase.exemplars);
}

#[test]
fn values_of_the_environment_are_stored_nowhere() {
    // A variable that is set everywhere; its value stands for a password.
    let secret = std::env::var("PATH").expect("set");
    let encoded: String = url::form_urlencoded::byte_serialize(secret.as_bytes()).collect();
    let base = servers::guarded("Basic nobody", format!("/in?key={encoded}"));
    let text = "name = \"a\"\nneeds_throw_away = true\n[[step]]\npath = \"/door\"\nauth = { bearer = \"{env:PATH}\" }\nexpect = { status = [401] }\n[[step]]\nmethod = \"POST\"\npath = \"/in\"\nform = { key = \"{env:PATH}\" }\n";
    let test_run = TestRun::new();
    let refused = test_run.run(&plan(open(30.0), &base, vec![(scenario(text), 1)]));
    assert!(refused.errors > 0 && refused.requests > refused.errors, "{:?}", refused.outcomes);
    // The same when the site itself puts it into a redirect.
    let token: &'static str = Box::leak(format!("Bearer {secret}").into_boxed_str());
    let base = servers::guarded(token, format!("/in?key={encoded}"));
    let open_door = "name = \"a\"\n[[step]]\npath = \"/door\"\nauth = { bearer = \"{env:PATH}\" }\n";
    let mut second = plan(open(30.0), &base, vec![(scenario(open_door), 1)]);
    second.name = "second".into();
    let phase = test_run.run(&second);
    assert_eq!(phase.errors, 0, "{:#?}", phase.exemplars);
    assert!(phase.exemplars[0].path.contains("holds-a-secret"), "{:?}", phase.exemplars[0]);
    for (name, phase) in [("test", &refused), ("second", &phase)] {
        test_run.run.write_json(&names::load(name), phase).expect("write");
    }
    for entry in std::fs::read_dir(test_run.run.path(names::LOAD)).expect("folder").flatten() {
        let text = std::fs::read_to_string(entry.path()).expect("text");
        assert!(!text.contains(&secret) && !text.contains(&encoded), "in {:?}", entry.path());
    }
}
