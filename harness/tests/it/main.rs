//! The binary, driven end to end: on the native reference stack with nginx, on small sites of the tests' own, with bad
//! input and with faults. Tests that load the machine run one at a time (`support::lock_machine`).

mod attach;
mod bad_input;
mod custom_journey;
mod faults;
mod findings;
mod journeys;
mod ladder;
mod objectives;
mod otlp;
mod report;
mod respawn;
mod run;
mod schedules;
mod stack;
mod support;
mod terminal;
