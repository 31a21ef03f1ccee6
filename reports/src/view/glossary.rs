//! The glossary of a report and the list of files in a run folder.

use kneepoint_model::run::names;

/// Terms and their definitions.
pub(crate) fn definitions() -> Vec<(String, String)> {
    [
        ("Response time", "From the intended start of a request to the last byte of its body. It includes the time a request waits in the generator because the site is slow, so a stall cannot hide (no coordinated omission)."),
        ("Service time", "From sending the request to the last byte of the body."),
        ("TTFB", "Time to first byte: from sending the request to the first byte of the response."),
        ("Scheduling lag", "How late the generator sends: dispatch time minus intended start."),
        ("Queue", "Waiting for a free worker: the proxy's wait for the upstream's response header minus the application time."),
        ("Network + proxy", "Service time minus queue, application, database, cache and engine."),
        ("Application, database, cache, engine", "Reported by the application in Server-Timing; the parts do not overlap. If the database reports its own server-side time, that value is used, and the rest of the database time measured by the application counts as application."),
        ("Statement, digest", "SQL that differs only in its literals is one statement; its digest is the hash of the normalized text."),
        ("Rows examined, rows returned", "Rows the database reads to answer, and rows it sends. Many examined rows per returned row indicate a missing index."),
        ("Lock wait", "Time a statement waits for a row or table that another transaction has locked."),
        ("Open model", "Requests start at a given rate, independent of the responses."),
        ("Closed model", "A fixed number of users; each waits for a response before its next request."),
        ("Foreign CPU", "CPU time used by processes that belong neither to the stack under test nor to kneepoint."),
        ("Warm-up", "The first part of a load phase; excluded from all values."),
        ("Proven, likely, hint", "Severity of a finding. Proven: observed directly, or the opposite was tried and the effect disappeared. Likely: several signals agree. Hint: worth checking."),
        ("Inconclusive rule", "A rule without a result, because the run lacks the data it needs."),
    ]
    .map(|(term, definition)| (term.to_owned(), definition.to_owned()))
    .into()
}

/// Files of a run folder and their content.
pub(crate) fn files() -> Vec<(String, String)> {
    [
        (names::MANIFEST, "origin of the run: command, configuration, host, versions"),
        (names::SUMMARY, "all results for programs; versioned format"),
        (names::ANALYSIS, "intermediate results and rule outcomes of the analysis"),
        (names::EVENTS, "events of the run in order"),
        (names::STACK, "the stack under test: tiers, addresses, toggles"),
        (names::SITE, "result of the crawl"),
        (names::WARM, "rounds of the warm stage"),
        (names::PROBE, "each route measured in isolation"),
        ("db/*.json", "database and cache-server counters by phase"),
        (names::CORRECTNESS, "stock and sales of the shop before and after load"),
        ("load/*.json, *.hlog", "load phases; HdrHistogram interval logs"),
        (names::RESOURCES, "resource samples"),
        ("samples/access-*.json", "proxy access log by route"),
        ("profiles/*", "folded stacks, SVG, pprof and speedscope"),
        ("logs/*", "logs of the stack"),
        (names::REPORT_MD, "this report for pull requests"),
        (names::JUNIT, "assertions for CI systems"),
    ]
    .map(|(name, content)| (name.to_owned(), content.to_owned()))
    .into()
}
