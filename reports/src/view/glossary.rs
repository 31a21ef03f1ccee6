//! What the words of a report mean, and what the files of a run folder hold.

use kneepoint_model::run::names;

/// Words and their meanings.
pub(crate) fn definitions() -> Vec<(String, String)> {
    [
        ("Response time", "From the moment a request was meant to start to the last byte of its body. A stalled site cannot hide by keeping the generator waiting."),
        ("Service time", "From the moment of sending to the last byte of the body."),
        ("TTFB", "From the moment of sending to the first byte of the answer."),
        ("Scheduling lag", "How late the generator itself was: dispatch minus intended start."),
        ("Queue", "Waiting for a free worker: the proxy's wait for the upstream's header minus the application's own time."),
        ("Network + proxy", "What is left of the service time when queue, application, database, cache and engine are taken off."),
        ("Application, database, cache, engine", "As the application says in Server-Timing; they do not overlap. Where the database was asked, its own timer is believed, and what the application booked beyond it counts as application."),
        ("Statement, digest", "The same SQL with other values is one statement; the database's hash of it is its digest."),
        ("Rows read, rows returned", "What the database looked at to answer, and what it sent. Many for few is an index that is not there."),
        ("Waiting for locks", "Time in which a statement waited for a row or table that another transaction held."),
        ("Open model", "Requests start at a rate, whatever the answers do."),
        ("Closed model", "A fixed number of users, each waiting for its answer."),
        ("Warm-up", "The first part of a phase; it counts in no figure."),
        ("Proven, likely, hint", "Shown by a counter-experiment; several signals agree; worth a look."),
    ]
    .map(|(name, meaning)| (name.to_owned(), meaning.to_owned()))
    .into()
}

/// Files and what they hold.
pub(crate) fn files() -> Vec<(String, String)> {
    [
        (names::MANIFEST, "where the run comes from"),
        (names::SUMMARY, "the figures for programs; versioned"),
        (names::ANALYSIS, "what was thought"),
        (names::EVENTS, "everything that was announced"),
        (names::STACK, "the stack as it ran"),
        (names::SITE, "the crawl"),
        (names::WARM, "the warming"),
        (names::PROBE, "routes alone"),
        ("db/*.json", "what databases and caches counted in a phase"),
        (names::CORRECTNESS, "the shop's stock and sales before and after load"),
        ("load/*.json, *.hlog", "phases of load; HdrHistogram interval logs"),
        (names::RESOURCES, "resource samples"),
        ("samples/access-*.json", "the proxy's access log by route"),
        ("profiles/*", "folded stacks, SVG, pprof and speedscope"),
        ("logs/*", "logs of the stack"),
        (names::REPORT_MD, "this report for pull requests"),
        (names::JUNIT, "the assertions for CI systems"),
    ]
    .map(|(name, meaning)| (name.to_owned(), meaning.to_owned()))
    .into()
}
