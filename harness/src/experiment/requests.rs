//! From what a toggle asks for to a scenario that the load generator understands.

use kneepoint_scenarios::{Scenario, ScenarioError};
use kneepoint_stack::toggle::{Comparison, Connections, Requests, Toggle};
use toml::{Table, Value};

/// Numbers of pages that nobody has asked for: each block takes the next ones.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Fresh {
    next: u64,
    last: u64,
}

impl Fresh {
    /// Pages 1 to `last`.
    pub(super) fn up_to(last: u64) -> Self {
        Self { next: 1, last }
    }

    /// The next `count` pages; `None` when there are not as many left.
    pub(super) fn take(&mut self, count: u64) -> Option<(u64, u64)> {
        let range = (self.next, self.next + count.max(1) - 1);
        (range.1 <= self.last).then(|| {
            self.next = range.1 + 1;
            range
        })
    }
}

/// The placeholder for a fresh page's number.
const FRESH: &str = "{fresh}";

/// Whether each block must ask for pages of its own.
pub(super) fn wants_fresh(requests: &Requests) -> bool {
    matches!(requests, Requests::Routes(routes) if routes.iter().any(|route| route.contains(FRESH)))
}

/// The scenario for one side; `fresh` are the pages of this block.
pub(super) fn scenario(
    name: &str,
    requests: &Requests,
    connections: Connections,
    fresh: Option<(u64, u64)>,
) -> Result<Scenario, ScenarioError> {
    let table = match requests {
        Requests::Scenario(known) if connections == Connections::KeepAlive => {
            return Scenario::from_library(known);
        }
        Requests::Scenario(known) => return Scenario::from_library(known),
        Requests::Script(text) => match text.parse::<Table>() {
            Ok(table) => table,
            // The scenario's own reader says what is wrong, and where.
            Err(_) => return Scenario::parse(name, text),
        },
        Requests::Routes(routes) => by_routes(name, routes, fresh),
    };
    Scenario::parse(name, &with_connections(table, connections).to_string())
}

fn by_routes(name: &str, routes: &[String], fresh: Option<(u64, u64)>) -> Table {
    let mut table = Table::new();
    table.insert("name".to_owned(), name.into());
    if let Some((from, to)) = fresh {
        let range = [from, to].map(|n| Value::Integer(i64::try_from(n).unwrap_or(i64::MAX)));
        let values = Table::from_iter([
            ("range".to_owned(), Value::Array(range.to_vec())),
            ("pick".to_owned(), "in-turn".into()),
        ]);
        table.insert("vars".to_owned(), Table::from_iter([("fresh".to_owned(), values.into())]).into());
    }
    let step = |route: &String| {
        let expect = Table::from_iter([("status".to_owned(), Value::Array(vec![Value::Integer(200)]))]);
        let shown = route.replace(FRESH, "<n>");
        Value::Table(Table::from_iter([
            ("name".to_owned(), format!("GET {shown}").into()),
            ("path".to_owned(), route.as_str().into()),
            ("expect".to_owned(), expect.into()),
        ]))
    };
    table.insert("step".to_owned(), Value::Array(routes.iter().map(step).collect()));
    table
}

fn with_connections(mut table: Table, connections: Connections) -> Table {
    if connections == Connections::Close {
        let headers = table.entry("headers").or_insert_with(|| Table::new().into());
        if let Value::Table(headers) = headers {
            headers.insert("connection".to_owned(), "close".into());
        }
    }
    table
}

/// Whether the requests of a toggle can be asked at all; before anything starts.
pub(crate) fn check(toggle: &Toggle, comparison: &Comparison) -> Result<(), String> {
    for variant in [&comparison.without, &comparison.with] {
        if variant.connections == Connections::Close && matches!(comparison.requests, Requests::Scenario(_)) {
            return Err(format!(
                "toggle `{}`: connections = \"close\" needs routes or a script",
                toggle.name
            ));
        }
        scenario(&toggle.name, &comparison.requests, variant.connections, Some((1, 10)))
            .map_err(|error| format!("toggle `{}`: {error}", toggle.name))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use kneepoint_stack::toggle::Test;

    use super::*;

    #[test]
    fn every_embedded_toggle_asks_for_something() {
        for toggle in Toggle::all().expect("files") {
            if let Test::Pairs(comparison) = &toggle.test {
                check(&toggle, comparison).unwrap_or_else(|why| panic!("{why}"));
            }
        }
    }

    #[test]
    fn no_page_is_fresh_twice() {
        let mut fresh = Fresh::up_to(100);
        assert_eq!((fresh.take(40), fresh.take(40)), (Some((1, 40)), Some((41, 80))));
        assert_eq!(fresh.take(40), None);
        assert_eq!(fresh.take(20), Some((81, 100)));
    }

    #[test]
    fn routes_become_steps_with_their_headers() {
        let requests = Requests::Routes(vec!["/a/?x=1".to_owned(), "/books/{fresh}/".to_owned()]);
        let made = scenario("x", &requests, Connections::Close, Some((5, 9))).expect("valid");
        let names: Vec<&str> = made.steps().iter().map(kneepoint_scenarios::Step::name).collect();
        assert_eq!(names, ["GET /a/?x=1", "GET /books/<n>/"]);
        assert!(made.steps().iter().all(|step| step.headers().iter().any(|(name, _)| name == "connection")));
        assert!(wants_fresh(&requests));
    }
}
