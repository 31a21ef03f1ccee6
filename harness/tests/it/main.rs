//! The binary, driven end to end: on the native reference stack with nginx, on small sites of the tests' own, with bad
//! input and with faults. Tests that load the machine take turns (`support::turn`).

mod attach;
mod bad_input;
mod faults;
mod journeys;
mod ladder;
mod main_job;
mod otlp;
mod own_program;
mod planted;
mod promises;
mod schedules;
mod standing;
mod stored;
mod support;
mod terminal;
