//! Turns the requests of a toggle into a scenario for the load generator.

use kneepoint_scenarios::{Scenario, ScenarioError};
use kneepoint_stack::toggle::{Comparison, Connections, Requests, Toggle};
use toml::{Table, Value};

/// Numbers of pages that were never requested; each block takes the next ones.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct UnusedPages {
    next: u64,
    last: u64,
}

impl UnusedPages {
    /// Pages 1 to `last`.
    pub(super) fn up_to(last: u64) -> Self {
        Self { next: 1, last }
    }

    /// First and last of the next `count` pages; `None` when fewer are left.
    pub(super) fn take(&mut self, count: u64) -> Option<(u64, u64)> {
        let range = (self.next, self.next + count.max(1) - 1);
        (range.1 <= self.last).then(|| {
            self.next = range.1 + 1;
            range
        })
    }
}

/// Placeholder in a route for the number of an unused page.
const PLACEHOLDER: &str = "{fresh}";

/// True when each block must request pages of its own.
pub(super) fn needs_unused_pages(requests: &Requests) -> bool {
    matches!(requests, Requests::Routes(routes) if routes.iter().any(|route| route.contains(PLACEHOLDER)))
}

/// The scenario for one side; `pages` are first and last of the block's unused pages.
pub(super) fn build_scenario(
    name: &str,
    requests: &Requests,
    connections: Connections,
    pages: Option<(u64, u64)>,
) -> Result<Scenario, ScenarioError> {
    let table = match requests {
        Requests::Scenario(known) if connections == Connections::KeepAlive => {
            return Scenario::from_library(known);
        }
        Requests::Scenario(known) => return Scenario::from_library(known),
        Requests::Script(text) => match text.parse::<Table>() {
            Ok(table) => table,
            // The scenario parser gives a better error, with line and column.
            Err(_) => return Scenario::parse(name, text),
        },
        Requests::Routes(routes) => route_scenario(name, routes, pages),
    };
    Scenario::parse(name, &with_connections(table, connections).to_string())
}

fn route_scenario(name: &str, routes: &[String], pages: Option<(u64, u64)>) -> Table {
    let mut table = Table::new();
    table.insert("name".to_owned(), name.into());
    if let Some((from, to)) = pages {
        let range = [from, to].map(|n| Value::Integer(i64::try_from(n).unwrap_or(i64::MAX)));
        let values = Table::from_iter([
            ("range".to_owned(), Value::Array(range.to_vec())),
            ("pick".to_owned(), "in-turn".into()),
        ]);
        table.insert("vars".to_owned(), Table::from_iter([("fresh".to_owned(), values.into())]).into());
    }
    let step = |route: &String| {
        let expect = Table::from_iter([("status".to_owned(), Value::Array(vec![Value::Integer(200)]))]);
        let shown = route.replace(PLACEHOLDER, "<n>");
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

/// Checks that the requests of a toggle make valid scenarios, before anything starts.
pub(crate) fn check_requests(toggle: &Toggle, comparison: &Comparison) -> Result<(), String> {
    for variant in [&comparison.without, &comparison.with] {
        if variant.connections == Connections::Close && matches!(comparison.requests, Requests::Scenario(_)) {
            return Err(format!(
                "toggle `{}`: connections = \"close\" needs routes or a script",
                toggle.name
            ));
        }
        build_scenario(&toggle.name, &comparison.requests, variant.connections, Some((1, 10)))
            .map_err(|error| format!("toggle `{}`: {error}", toggle.name))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use kneepoint_stack::toggle::Test;

    use super::*;

    #[test]
    fn every_embedded_toggle_has_valid_requests() {
        for toggle in Toggle::all().expect("files") {
            if let Test::Pairs(comparison) = &toggle.test {
                check_requests(&toggle, comparison).unwrap_or_else(|why| panic!("{why}"));
            }
        }
    }

    #[test]
    fn no_page_is_used_twice() {
        let mut unused = UnusedPages::up_to(100);
        assert_eq!((unused.take(40), unused.take(40)), (Some((1, 40)), Some((41, 80))));
        assert_eq!(unused.take(40), None);
        assert_eq!(unused.take(20), Some((81, 100)));
    }

    #[test]
    fn routes_become_steps_with_their_headers() {
        let requests = Requests::Routes(vec!["/a/?x=1".to_owned(), "/books/{fresh}/".to_owned()]);
        let made = build_scenario("x", &requests, Connections::Close, Some((5, 9))).expect("valid");
        let names: Vec<&str> = made.steps().iter().map(kneepoint_scenarios::Step::name).collect();
        assert_eq!(names, ["GET /a/?x=1", "GET /books/<n>/"]);
        assert!(made.steps().iter().all(|step| step.headers().iter().any(|(name, _)| name == "connection")));
        assert!(needs_unused_pages(&requests));
    }
}
